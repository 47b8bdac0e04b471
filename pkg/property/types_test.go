package property_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestAColumnIsAPropertyTheManagerOrAnExtension(t *testing.T) {
	for name, want := range map[string]string{
		"id":               "Edm.String",
		"assignedLicenses": "Collection(graph.assignedLicense)",
		"manager":          "graph.directoryObject",
		"extension_0123456789abcdef0123456789abcdef_costCentre": "Edm.Untyped",
		"shoeSize":              "",
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

func TestGlueTypesFollowTheFiles(t *testing.T) {
	for _, test := range []struct{ column, ndjson, parquet string }{
		{"id", "string", "string"},
		{"accountEnabled", "boolean", "boolean"},
		{"deviceEnrollmentLimit", "int", "int"},
		{"createdDateTime", "string", "timestamp"},
		{"businessPhones", "array<string>", "array<string>"},
		{"employeeOrgData", "struct<costcenter:string,division:string>", "struct<costcenter:string,division:string>"},
		{
			"assignedLicenses", "array<struct<disabledplans:array<string>,skuid:string>>",
			"array<struct<disabledplans:array<string>,skuid:string>>",
		},
		{
			"assignedPlans", "array<struct<assigneddatetime:string,capabilitystatus:string,service:string,serviceplanid:string>>",
			"array<struct<assigneddatetime:timestamp,capabilitystatus:string,service:string,serviceplanid:string>>",
		},
		{"customSecurityAttributes", "string", "string"},
		{"manager", "struct<id:string>", "struct<id:string>"},
		{"ext1a2b3c4d_badge", "string", "string"},
	} {
		for files, want := range map[property.Files]string{property.NDJSON: test.ndjson, property.Parquet: test.parquet, property.CSV: "string"} {
			if got, ok := property.GlueType(test.column, files); !ok || got != want {
				t.Errorf("GlueType(%s, %d) = %q, %t, want %q", test.column, files, got, ok, want)
			}
		}
	}
	if _, ok := property.GlueType("shoeSize", property.Parquet); ok {
		t.Error("an unknown column has a type")
	}
	if _, ok := property.GlueType(property.AdditionalData, property.NDJSON); ok {
		t.Errorf("%s is a column of NDJSON", property.AdditionalData)
	}
}

func TestAGlueTableHasEveryListedPropertyOnceInLowerCase(t *testing.T) {
	for files, want := range map[property.Files]int{property.NDJSON: 70, property.CSV: 70, property.Parquet: 71} {
		columns := property.GlueColumns(files)
		if len(columns) != want {
			t.Errorf("%d columns, want %d", len(columns), want)
		}
		var names []string
		for _, c := range columns {
			if c.Name != strings.ToLower(c.Name) || c.Type != strings.ToLower(c.Type) || c.Type == "" {
				t.Errorf("column %+v is not as Hive has it", c)
			}
			names = append(names, c.Name)
		}
		slices.Sort(names)
		if diff := cmp.Diff(slices.Compact(slices.Clone(names)), names); diff != "" {
			t.Errorf("a column is there twice: %s", diff)
		}
	}
}
