package readers_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/glue"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	extension = "extension_0123456789abcdef0123456789abcdef_costCentre"
	usual     = "id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName,employeeId," +
		"employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled"
)

func everything() []string {
	return append(property.Listed(), extension, property.Manager)
}

func TestPyarrowAndDuckDBReadWhatNDJSONHas(t *testing.T) {
	dir := t.TempDir()
	tenant := simulator.New(simulator.Config{Users: 20_000, Hostile: true, Roles: []string{
		"User.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All", "User-LifeCycleInfo.Read.All",
	}})
	for name, columns := range map[string][]string{
		"usual":      strings.Split(usual, ","),
		"narrow":     {"businessPhones", "mail", "id"},
		"everything": everything(),
	} {
		publish(t, tenant, filepath.Join(dir, name), columns)
	}
	python := harness.Installed(t, "suites", "readers", ".venv", "bin", "python") // with pyarrow and DuckDB
	out, err := process.NewCommand(t.Context(), python, "parquet.py", dir).CombinedOutput()
	if err != nil || string(out) != "every value agrees\n" {
		t.Errorf("parquet.py: %v\n%s", err, out)
	}
}

// publish writes the tenant's users as Parquet and as NDJSON, and their types in
// Glue.
func publish(t *testing.T, tenant *simulator.Tenant, path string, columns []string) {
	t.Helper()
	table, done := create(t, path+".parquet")
	defer done()
	text, done := create(t, path+".ndjson")
	defer done()
	rows, err := parquet.New(table, columns, parquet.Options{RowGroup: 4 << 20, Version: "0.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	lines := format.NewNDJSON(text)
	for user, err := range usersOf(t, tenant, columns).Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := lines.User(user.Raw); err != nil {
			t.Fatal(err)
		}
		if err := rows.User(user.Raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	writeTypes(t, path+".types.json", columns)
}

func create(t *testing.T, path string) (w *bufio.Writer, done func()) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w = bufio.NewWriter(file)
	return w, func() {
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

func usersOf(t *testing.T, tenant *simulator.Tenant, columns []string) *list.List {
	t.Helper()
	transport := tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Transport: transport, Tokens: tenant.TokenSource(transport),
	})
	if err != nil {
		t.Fatal(err)
	}
	request := list.Request{PageSize: 500}
	for _, name := range columns {
		request.Columns = append(request.Columns, property.Column{Name: name})
	}
	return list.New(client, request, nil)
}

func writeTypes(t *testing.T, path string, columns []string) {
	t.Helper()
	var types []glue.Column
	for _, name := range append(columns, property.AdditionalData) {
		hive, ok := glue.Type(name, glue.Parquet)
		if !ok {
			t.Fatalf("%s has no type", name)
		}
		types = append(types, glue.Column{Name: strings.ToLower(name), Type: hive})
	}
	text, err := json.Marshal(types)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
