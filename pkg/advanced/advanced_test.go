package advanced_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/advanced"
	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// query parses what is asked for; columns, filter, search and order may be "".
func query(t *testing.T, columns, filter, search, order string) advanced.Query {
	t.Helper()
	var q advanced.Query
	var errs [3]error
	for name := range strings.SplitSeq(columns, ",") {
		q.Columns = append(q.Columns, property.Column{Name: name})
	}
	if filter != "" {
		q.Filter, errs[0] = odata.ParseFilter(filter)
	}
	if search != "" {
		q.Search, errs[1] = odata.ParseSearch(search)
	}
	if order != "" {
		q.Order, errs[2] = odata.ParseOrder(order)
	}
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return q
}

func TestOnlyWhatNeedsItIsAnAdvancedQuery(t *testing.T) {
	for _, c := range []struct {
		filter, search, order string
		needed                bool
	}{
		{"", "", "", false},
		{"accountEnabled eq true", "", "", false},
		{"userType in ('Member','Guest') and startsWith(displayName,'A')", "", "", false},
		{"userPrincipalName ge 'a' and userPrincipalName le 'b'", "", "", false},
		{"createdDateTime ge 2020-01-01T00:00:00Z", "", "", false},
		{"proxyAddresses/any(p:startsWith(p,'smtp:'))", "", "", false},
		{"identities/any(c:c/issuerAssignedId eq 'a' and c/issuer eq 'b')", "", "", false},
		{"signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z", "", "", false},
		{"extension_0123456789abcdef0123456789abcdef_costCentre eq 'a'", "", "", false},
		{"accountEnabled ne true", "", "", true},
		{"not (accountEnabled eq true)", "", "", true},
		{"not startsWith(displayName,'A')", "", "", true},
		{"endsWith(mail,'@contoso.example')", "", "", true},
		{"proxyAddresses/any(p:endsWith(p,'@contoso.example'))", "", "", true},
		{"mail eq null", "", "", true},
		{"companyName eq 'Contoso'", "", "", true},
		{"officeLocation in ('1','2')", "", "", true},
		{"startsWith(employeeType,'a')", "", "", true},
		{"createdDateTime in (2020-01-01T00:00:00Z)", "", "", true},
		{"assignedLicenses/$count eq 0", "", "", true},
		{"accountEnabled eq true and (department eq 'a' or mail ne 'b')", "", "", true},
		{"department in ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15')", "", "", false},
		{"department in ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16')", "", "", true},
		{"accountEnabled eq true and department in ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15')", "", "", false},
		{"department eq '1'" + strings.Repeat(" or department eq '1'", 15), "", "", true},
		{"department eq '" + strings.Repeat("a", 120) + "'", "", "", false},
		{"department eq '" + strings.Repeat("a", 121) + "'", "", "", true},
		{"", `"displayName:a"`, "", true},
		{"", "", "displayName", false},
		{"", "", "userPrincipalName desc", false},
		{"", "", "surname", true},
		{"accountEnabled eq true", "", "displayName", true},
	} {
		if got := query(t, "id", c.filter, c.search, c.order).Needed(); got != c.needed {
			t.Errorf("%s %s %s: %t", c.filter, c.search, c.order, got)
		}
	}
}

func TestWhatGraphCannotCombineIsNamed(t *testing.T) {
	const signIn = "signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z"
	for _, c := range []struct {
		columns, filter, search, order string
		names                          []string // in the error, none for none
	}{
		{"id,manager", "", "", "", nil},
		{"id,manager", "accountEnabled eq true", "", "", nil},
		{"id,manager", "", "", "displayName", nil},
		{"id", "accountEnabled ne true", "", "", nil},
		{"id,manager", "accountEnabled ne true", "", "", []string{"manager", "ne on accountEnabled"}},
		{"id,manager", "not (department eq 'a')", "", "", []string{"manager", "not, on department"}},
		{"id,manager", "companyName eq null", "", "", []string{"manager", "companyName with null"}},
		{"id,manager", "assignedLicenses/$count ne 0", "", "", []string{"manager", "assignedLicenses/$count"}},
		{"id,manager", "", `"displayName:a"`, "", []string{"manager", "$search"}},
		{"id,manager", "", "", "surname", []string{"manager", "$orderby by surname"}},
		{"id,manager", "accountEnabled eq true", "", "displayName", []string{"manager", "a filter with $orderby"}},
		{"id,signInActivity", signIn, "", "", nil},
		{"id,signInActivity", "accountEnabled eq true", "", "", nil},
		{"id,manager", signIn, "", "", nil},
		{"id", signIn + " and signInActivity/lastSignInDateTime ge 2025-01-01T00:00:00Z", "", "", nil},
		{"id", signIn + " and accountEnabled eq true", "", "", []string{"signInActivity", "accountEnabled"}},
		{"id", "userType eq 'Guest' or " + signIn, "", "", []string{"signInActivity", "userType"}},
	} {
		err := query(t, c.columns, c.filter, c.search, c.order).Conflict()
		if (err != nil) != (c.names != nil) {
			t.Errorf("%s, %s: %v", c.columns, c.filter, err)
			continue
		}
		for _, name := range c.names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%s, %s: %v does not name %q", c.columns, c.filter, err, name)
			}
		}
	}
}
