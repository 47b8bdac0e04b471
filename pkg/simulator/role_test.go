package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// answers are what Graph answers an app with the roles, one line a question.
func answers(t *testing.T, roles []string) string {
	c := newClient(t, simulator.Config{Users: 30, Roles: roles})
	var lines strings.Builder
	for _, address := range []string{
		"/users?$select=id,mail", "/users?$select=department", "/users?$select=signInActivity", "/users?$select=customSecurityAttributes",
		"/users?$select=employeeLeaveDateTime", "/users?$expand=manager", "/users/" + c.tenant.ID(7) + "/manager",
		"/users/" + c.tenant.ID(7), "/users/delta", "/organization",
		"/applications(appId='" + simulator.DefaultClientID + "')",
	} {
		a := c.get(address)
		shown := "values"
		if !strings.Contains(a.body, `"department":"`) && strings.Contains(address, "department") {
			shown = "nulls"
		}
		fmt.Fprintln(&lines, address, a.status, a.code(), shown)
	}
	c.eventual()
	fmt.Fprintln(&lines, "count", c.get("/users/$count").status)
	return lines.String()
}

func TestEachRoleChangesWhatGraphAnswers(t *testing.T) {
	none, plain := answers(t, []string{}), answers(t, []string{"User.Read.All"})
	for _, role := range simulator.Roles() {
		if alone, added := answers(t, []string{role.Name}), answers(t, []string{"User.Read.All", role.Name}); alone == none && added == plain {
			t.Errorf("%s, %q, changes no answer", role.Name, role.Summary)
		}
	}
	if got := answers(t, []string{"User.Read.All", "Mail.Read"}); got != plain {
		t.Errorf("a role that the tenant does not know changes its answers:\n%s", cmp.Diff(plain, got))
	}
	if strings.Contains(none, " 200 ") {
		t.Errorf("an app without roles is answered:\n%s", none)
	}
}

// claimsOf reads the claims of a token.
func claimsOf(t *testing.T, token string) (claims map[string]json.RawMessage) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatalf("%s: %v", token, err)
	}
	return claims
}

func TestTheRolesAreInTheToken(t *testing.T) {
	for _, roles := range [][]string{nil, {}, {"User.ReadBasic.All", "AuditLog.Read.All"}} {
		c := newClient(t, simulator.Config{Roles: roles})
		claims := claimsOf(t, c.token)
		want, err := json.Marshal(roles)
		switch {
		case err != nil:
			t.Fatal(err)
		case roles == nil:
			want = []byte(`["User.Read.All"]`)
		case len(roles) == 0:
			want = nil // a token without roles has no such claim
		}
		if got := string(claims["roles"]); got != string(want) {
			t.Errorf("%q: the claim is %s, want %s", roles, got, want)
		}
	}
}

func TestRolesAreGrantedAndWithheldInOrder(t *testing.T) {
	for changes, want := range map[string]string{
		"":                                      "User.Read.All",
		"AuditLog.Read.All":                     "User.Read.All AuditLog.Read.All",
		"-User.Read.All":                        "",
		"none":                                  "",
		"none User.ReadBasic.All":               "User.ReadBasic.All",
		"-User.Read.All User.ReadBasic.All":     "User.ReadBasic.All",
		"User.ReadBasic.All -User.Read.All":     "User.ReadBasic.All",
		"AuditLog.Read.All none":                "",
		"User.Read.All User.Read.All":           "User.Read.All",
		"-AuditLog.Read.All":                    "User.Read.All",
		"-User.Read.All User.Read.All":          "User.Read.All",
		"AuditLog.Read.All -AuditLog.Read.All":  "User.Read.All",
		"User.ReadWrite.All Directory.Read.All": "User.Read.All User.ReadWrite.All Directory.Read.All",
	} {
		got, err := simulator.ParseRoles(strings.Fields(changes))
		if err != nil || got == nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, %v; want %s", changes, got, err, want)
		}
	}
	for change, want := range map[string]string{
		"user.read.all": "is spelled User.Read.All", "-AUDITLOG.Read.All": "is spelled AuditLog.Read.All",
		"": "unknown", "-": "unknown", "--User.Read.All": "unknown", "None": "unknown", "-none": "unknown", "User.Read.All ": "unknown", "Mail.Read": "one of User.Read.All,",
	} {
		if got, err := simulator.ParseRoles([]string{change}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %s", change, got, err, want)
		}
	}
}
