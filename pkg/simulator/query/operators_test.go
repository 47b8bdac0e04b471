package query

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// names lists a set as Graph's documentation does: "eq, ne, startsWith".
func names(set operatorSet) string {
	var all []string
	for i, name := range operatorNames() {
		if set.has(1 << i) {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

func TestOperatorsAreSplitIntoDefaultAndAdvanced(t *testing.T) {
	for _, test := range []struct{ name, byDefault, advanced string }{
		{"userPrincipalName", "eq, ge, le, in, startsWith", "ne, not, endsWith"},
		{"id", "eq, in", "ne, not"},
		{"department", "eq, ge, le, in, startsWith", "ne, not, null"},
		{"companyName", "", "eq, ne, not, ge, le, in, startsWith, null"},
		{"createdDateTime", "eq, ge, le", "ne, not, in"},
		{"mail", "eq, ge, le, in, startsWith", "ne, not, endsWith, null"},
		{"assignedLicenses", "eq", "not, ge, le, $count"},
		{"onPremisesSecurityIdentifier", "", "eq, null"},
		{"passwordPolicies", "", "ne, not, null"},
		{"faxNumber", "", "eq, ne, not, ge, le, in, startsWith, null"},
		{"print", "", ""},
	} {
		p, ok := property.Lookup(test.name)
		if !ok {
			t.Errorf("%s is missing", test.name)
			continue
		}
		byDefault, advanced := supported(p.Filter)
		if got := names(byDefault); got != test.byDefault {
			t.Errorf("%s: default operators %q, want %q", test.name, got, test.byDefault)
		}
		if got := names(advanced); got != test.advanced {
			t.Errorf("%s: advanced operators %q, want %q", test.name, got, test.advanced)
		}
		if byDefault&advanced != 0 {
			t.Errorf("%s: an operator is both default and advanced", test.name)
		}
	}
}
