package glue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/glue"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

func TestTypesDependOnTheFiles(t *testing.T) {
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
		{"shoeSize", "string", "string"}, // unknown here, and perhaps not to Graph
	} {
		for files, want := range map[glue.Files]string{glue.NDJSON: test.ndjson, glue.Parquet: test.parquet, glue.CSV: "string"} {
			if got, ok := glue.Type(test.column, files); !ok || got != want {
				t.Errorf("Type(%s, %d) = %q, %t, want %q", test.column, files, got, ok, want)
			}
		}
	}
	if _, ok := glue.Type("shoe size", glue.Parquet); ok {
		t.Error("what cannot be a property has a type")
	}
	if _, ok := glue.Type(property.AdditionalData, glue.NDJSON); ok {
		t.Errorf("%s is a column of NDJSON", property.AdditionalData)
	}
}

func TestATableHasEveryListablePropertyOnceInLowerCase(t *testing.T) {
	for files, want := range map[glue.Files]int{glue.NDJSON: 70, glue.CSV: 70, glue.Parquet: 71} {
		columns := glue.Columns(files)
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
			t.Errorf("a column is listed twice: %s", diff)
		}
	}
}
