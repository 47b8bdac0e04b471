package simulator_test

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestMembersAndSizesOfPropertiesCanBeFilteredBy(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 1000, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}).eventual()
	counted := func(filter string) int {
		t.Helper()
		a := c.get("/users/$count?$filter=" + url.QueryEscape(filter))
		n, err := strconv.Atoi(a.body)
		if err != nil {
			t.Fatalf("%s: %d %s", filter, a.status, a.body)
		}
		return n
	}
	for _, halves := range [][2]string{
		{"assignedLicenses/$count eq 0", "assignedLicenses/$count ne 0"},
		{"employeeOrgData/division eq 'north'", "not(employeeOrgData/division eq 'north')"},
		{"signInActivity/lastSignInDateTime ge 2022-01-01T00:00:00Z", "not(signInActivity/lastSignInDateTime ge 2022-01-01T00:00:00Z)"},
	} {
		first, second := counted(halves[0]), counted(halves[1])
		if first == 0 || second == 0 || first+second != 1000 {
			t.Errorf("%s: %d, the others %d", halves[0], first, second)
		}
	}
}
