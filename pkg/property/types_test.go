package property_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

func TestEveryComplexTypeHasAStructureUnlessItIsOpen(t *testing.T) {
	open := []string{"graph.customSecurityAttributeValue", "graph.mailboxSettings", "graph.userPrint"}
	for _, p := range property.All() {
		element, collection := property.Element(p.Type)
		if collection != strings.HasPrefix(p.Type, "Collection(") || strings.ContainsAny(element, "()") {
			t.Errorf("Element(%s) = %s, %t", p.Type, element, collection)
		}
		fields, ok := property.Structure(element)
		if isComplex := strings.HasPrefix(element, "graph."); ok != (isComplex && !slices.Contains(open, element)) {
			t.Errorf("%s: Structure(%s) = %t", p.Name, element, ok)
		}
		seen := map[string]bool{}
		for _, f := range fields {
			if seen[strings.ToLower(f.Name)] {
				t.Errorf("%s has %s twice", element, f.Name)
			}
			seen[strings.ToLower(f.Name)] = true
			if inner, _ := property.Element(f.Type); !strings.HasPrefix(inner, "Edm.") {
				t.Errorf("%s.%s is a %s", element, f.Name, f.Type)
			}
		}
	}
}

func TestAColumnIsAPropertyTheManagerAnExtensionOrUntyped(t *testing.T) {
	for name, want := range map[string]string{
		"id":               "Edm.String",
		"assignedLicenses": "Collection(graph.assignedLicense)",
		"manager":          "graph.directoryObject",
		"extension_0123456789abcdef0123456789abcdef_costCentre": "Edm.Untyped",
		"shoeSize":              "Edm.Untyped",
		"@odata.type":           "Edm.String",
		"shoe size":             "",
		property.AdditionalData: "",
	} {
		if got, ok := property.ColumnType(name); got != want || ok != (want != "") {
			t.Errorf("ColumnType(%s) = %q, %t, want %q", name, got, ok, want)
		}
	}
}

func TestCallersCannotChangeAStructure(t *testing.T) {
	fields, _ := property.Structure("graph.signInActivity")
	fields[0].Name = "changed"
	if fields, _ = property.Structure("graph.signInActivity"); fields[0].Name == "changed" {
		t.Error("a caller changed the structure")
	}
}
