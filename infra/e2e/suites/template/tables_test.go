package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/glue"
)

// table is a table of the Glue catalogue.
type table struct {
	TableInput struct {
		Name              string
		Parameters        map[string]string
		PartitionKeys     []glue.Column
		StorageDescriptor struct {
			Location    string
			InputFormat string
			SerdeInfo   struct{ SerializationLibrary string }
			Columns     []glue.Column
		}
	}
}

func TestTheTablesHaveEveryPropertyThatAListMayHave(t *testing.T) {
	for format, files := range map[string]glue.Files{"ndjson": glue.NDJSON, "parquet": glue.Parquet} {
		s := stack(t, map[string]string{"Format": format})
		for _, name := range []string{"UsersTable", "HistoryTable"} {
			got := as[table](t, s.Resources[name].Properties).TableInput.StorageDescriptor.Columns
			if diff := cmp.Diff(glue.Columns(files), got); diff != "" {
				t.Errorf("%s over %s: %s", name, format, diff)
			}
		}
	}
}

func TestATableReadsWhatTheSymlinksName(t *testing.T) {
	serdes := map[string]string{
		"ndjson":  "org.openx.data.jsonserde.JsonSerDe",
		"parquet": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
	}
	for format, serde := range serdes {
		s := stack(t, map[string]string{"Format": format})
		for _, name := range []string{"UsersTable", "HistoryTable"} {
			input := as[table](t, s.Resources[name].Properties).TableInput
			if input.StorageDescriptor.InputFormat != "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat" {
				t.Errorf("%s reads %s", name, input.StorageDescriptor.InputFormat)
			}
			if got := input.StorageDescriptor.SerdeInfo.SerializationLibrary; got != serde {
				t.Errorf("%s over %s is read by %s", name, format, got)
			}
			if !strings.HasPrefix(input.Parameters["storage.location.template"], input.StorageDescriptor.Location) {
				t.Errorf("%s: its partitions are outside of it", name)
			}
		}
	}
}

func TestAQueryNeverCountsWithoutATenantInSilence(t *testing.T) {
	ids := everything()["TenantIds"]
	for given, want := range map[string]map[string]string{
		"":  {"projection.tenant.type": "injected"},
		ids: {"projection.tenant.type": "enum", "projection.tenant.values": ids},
	} {
		want["projection.enabled"] = "true"
		want["storage.location.template"] = "s3://<Bucket>/directory/users/tenant=${tenant}"
		s := stack(t, map[string]string{"TenantIds": given})
		if diff := cmp.Diff(want, as[table](t, s.Resources["UsersTable"].Properties).TableInput.Parameters); diff != "" {
			t.Error(diff)
		}
		want["storage.location.template"] = "s3://<Bucket>/directory/history/tenant=${tenant}/date=${date}"
		want["projection.date.type"], want["projection.date.format"], want["projection.date.range"] = "date", "yyyy-MM-dd", "NOW-30DAYS,NOW"
		if diff := cmp.Diff(want, as[table](t, s.Resources["HistoryTable"].Properties).TableInput.Parameters); diff != "" {
			t.Error(diff)
		}
	}
}
