package property_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

func TestTheTableHasEveryPropertyOnce(t *testing.T) {
	all := property.All()
	if len(all) != 80 {
		t.Fatalf("the table has %d properties, want 80", len(all))
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.Name] {
			t.Errorf("%s is listed twice", p.Name)
		}
		seen[p.Name] = true
		if !strings.HasPrefix(strings.TrimPrefix(p.Type, "Collection("), "Edm.") &&
			!strings.HasPrefix(strings.TrimPrefix(p.Type, "Collection("), "graph.") {
			t.Errorf("%s has the type %q", p.Name, p.Type)
		}
	}
}

func namesOf(chosen func(property.Property) bool) []string {
	var names []string
	for _, p := range property.All() {
		if chosen(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestGraphsDefaultSetIsElevenProperties(t *testing.T) {
	got := namesOf(func(p property.Property) bool { return p.Default })
	want := []string{
		"id", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestElevenPropertiesAreSingleUserOnly(t *testing.T) {
	got := namesOf(func(p property.Property) bool { return p.SingleUserOnly })
	want := []string{
		"aboutMe", "birthday", "hireDate", "interests", "mailboxSettings", "mySite", "pastProjects",
		"preferredName", "responsibilities", "schools", "skills",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLookupIsExactAndCanonicalIsNot(t *testing.T) {
	if p, ok := property.Lookup("userPrincipalName"); !ok || p.Type != "Edm.String" || !p.Default {
		t.Errorf("Lookup(userPrincipalName) = %+v, %t", p, ok)
	}
	if _, ok := property.Lookup("userprincipalname"); ok {
		t.Error("Lookup found a name in the wrong case")
	}
	if got, ok := property.Canonical("USERPRINCIPALNAME"); !ok || got != "userPrincipalName" {
		t.Errorf("Canonical = %q, %t", got, ok)
	}
	if _, ok := property.Canonical("shoeSize"); ok {
		t.Error("Canonical found a property that does not exist")
	}
}

func TestCallersCannotChangeTheTable(t *testing.T) {
	property.All()[0].Name = "changed"
	if property.All()[0].Name != "id" {
		t.Error("a caller changed the table")
	}
}

func TestSelectableErrorsNameThePropertyAndTheRemedy(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"displayName", ""},
		{"signInActivity", ""},
		{"extension_0123456789abcdef0123456789ABCDEF_costCentre", ""},
		{"ext1a2b3c4d_badge", ""},
		{"contoso_courses", ""},
		{"mailboxSettings", "only for a single user"},
		{"skills", "only for a single user"},
		{"displayname", `spelled "displayName"`},
		{"display_name", `spelled "displayName"`},
		{"manager", "relationship"},
		{"Manager", "relationship"},
		{"shoeSize", "unknown"},
		{"extension_123_costCentre", "not a directory extension"},
		{"extension_0123456789abcdef0123456789abcdeg_x", "not a directory extension"},
		{"Contoso_courses", "unknown"},
		{"deletedDateTime", "deletedItems"},
		{"", "empty"},
		{"mail,", "unknown"},
		{"lastSignInDateTime", "signInActivity/lastSignInDateTime"},
		{"lastsignindatetime", "signInActivity/lastSignInDateTime"},
		{"extensionAttribute7", "onPremisesExtensionAttributes/extensionAttribute7"},
		{"skuId", "assignedLicenses/any(x:x/skuId eq"},
		{"costCenter", "employeeOrgData/costCenter"},
	} {
		err := property.Selectable(test.name)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("Selectable(%q) = %v, want nil", test.name, err)
		case test.want != "" && err == nil:
			t.Errorf("Selectable(%q) = nil, want an error about %q", test.name, test.want)
		case test.want != "" && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.name)):
			t.Errorf("Selectable(%q) = %v, want the name and %q", test.name, err, test.want)
		}
	}
}

func TestPropertiesThatNeedMoreThanUserReadAll(t *testing.T) {
	got := map[string]string{}
	for _, p := range property.All() {
		if p.Needs != "" {
			got[p.Name] = p.Needs
		}
	}
	want := map[string]string{
		"signInActivity":           "AuditLog.Read.All and an Entra ID P1 or P2 licence",
		"customSecurityAttributes": "CustomSecAttributeAssignment.Read.All",
		"employeeLeaveDateTime":    "User-LifeCycleInfo.Read.All",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzSelectableNeverPanics(f *testing.F) {
	f.Add("displayName")
	f.Add("extension__")
	f.Fuzz(func(t *testing.T, name string) {
		if property.Selectable(name) == nil && name == "" {
			t.Error("an empty name is selectable")
		}
	})
}
