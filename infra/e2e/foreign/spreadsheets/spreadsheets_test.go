// Package spreadsheets_test opens workbooks by LibreOffice and compares every cell.
package spreadsheets_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestLibreOfficeShowsEveryCellOfTheDemo is what a person sees who tries
// `rollcall list --demo --output users.xlsx`: each value with its type.
func TestLibreOfficeShowsEveryCellOfTheDemo(t *testing.T) {
	d := list(t, process.CleanEnviron(), "--demo")
	d.convert(t, "users.xlsx", "fods")
	sheets := readFODS(t, filepath.Join(d.dir, "users.fods"))
	if want := [][]cell{{text("users"), {"float", "1000"}}, {text("complete"), {"boolean", "true"}}, {text("verified"), {"boolean", "true"}}}; fmt.Sprint(sheets["About"][:3]) != fmt.Sprint(want) {
		t.Errorf("About: %v, want %v", sheets["About"], want)
	}
	rows := sheets["users"]
	if len(rows) != len(d.users)+1 {
		t.Fatalf("%d rows, want a header and %d users", len(rows), len(d.users))
	}
	compared := 0
	for i, user := range d.users {
		for j, column := range d.columns {
			if rows[0][j] != text(column) {
				t.Fatalf("column %d is called %v, want %s", j, rows[0][j], column)
			}
			if got, want := at(rows[i+1], j), typed(column, user[column]); got != want {
				t.Errorf("%s of row %d is %v, want %v", column, i+2, got, want)
			}
			compared++
		}
	}
	t.Logf("%d cells agree", compared)
}

// TestLibreOfficeReadsTheTextsOfTheNastyTenant compares the characters of every cell,
// control characters included, of which LibreOffice's own files have none.
func TestLibreOfficeReadsTheTextsOfTheNastyTenant(t *testing.T) {
	people := harness.Start(t, tenant.New(simulator.Config{Users: 3000, Hostile: true}).Start)
	d := list(t, append(process.CleanEnviron("SSL_CERT_FILE"), people.Environ()...), "--select",
		"id,userPrincipalName,displayName,employeeId,department,businessPhones,proxyAddresses,onPremisesExtensionAttributes,createdDateTime")
	// UTF-8, texts in quotes, the first sheet.
	d.convert(t, "users.xlsx", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false,false,false,false,1")
	content, err := os.ReadFile(filepath.Join(d.dir, "users-users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil || len(rows) != len(d.users)+1 {
		t.Fatalf("%d rows, want a header and %d users (%v)", len(rows), len(d.users), err)
	}
	for i, user := range d.users {
		for j, column := range d.columns {
			got, want := rows[i+1][j], typed(column, user[column]).value
			if column == "createdDateTime" {
				got = strings.TrimSuffix(strings.Replace(got, " ", "T", 1), midnight)
			}
			// encoding/csv and LibreOffice end lines with a line feed.
			if got != strings.ReplaceAll(want, "\r\n", "\n") {
				t.Errorf("%s of row %d is %q, want %q", column, i+2, got, want)
			}
		}
	}
}

// listed is a folder with users.xlsx, and the same users as NDJSON has them.
type listed struct {
	dir     string
	users   []map[string]json.RawMessage
	columns []string
}

func list(t *testing.T, env []string, args ...string) *listed {
	t.Helper()
	d := &listed{dir: t.TempDir()}
	rollcall := harness.Plain(t, "functions/rollcall")
	for _, file := range []string{"users.xlsx", "users.ndjson", "users.csv"} {
		command := process.NewCommand(t.Context(), rollcall, append([]string{"list", "--output", file}, args...)...)
		command.Dir, command.Env = d.dir, env
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command.Args, err, out)
		}
	}
	file, err := os.Open(filepath.Join(d.dir, "users.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var user map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &user); err != nil {
			t.Fatal(err)
		}
		d.users = append(d.users, user)
	}
	header, err := os.ReadFile(filepath.Join(d.dir, "users.csv"))
	if err != nil || lines.Err() != nil {
		t.Fatal(err, lines.Err())
	}
	first, _, _ := strings.Cut(string(header), "\n")
	d.columns = strings.Split(first, ",")
	return d
}

// convert has LibreOffice open a file and save it in another format.
func (d *listed) convert(t *testing.T, file, format string) {
	t.Helper()
	if _, err := exec.LookPath("soffice"); err != nil {
		t.Fatal("LibreOffice is not installed: make e2e-foreign installs it")
	}
	command := process.NewCommand(t.Context(), "soffice", "-env:UserInstallation=file://"+filepath.Join(d.dir, "profile"),
		"--headless", "--convert-to", format, "--outdir", d.dir, file)
	command.Dir, command.WaitDelay = d.dir, time.Second
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("soffice: %v\n%s", err, out)
	}
}

// midnight is left out where a date is written.
const midnight = "T00:00:00"

// cell is a cell as LibreOffice has it: its type and its value.
type cell struct{ kind, value string }

func text(s string) cell { return cell{"string", s} }

// at returns a cell of a row, which ends with its last cell that is not empty.
func at(row []cell, i int) cell {
	if i < len(row) {
		return row[i]
	}
	return cell{}
}

// typed returns the cell that a value of NDJSON is to have.
func typed(column string, value json.RawMessage) cell {
	switch {
	case len(value) == 0 || string(value) == "null" || string(value) == `""`:
		return cell{}
	case string(value) == "true", string(value) == "false":
		return cell{"boolean", string(value)}
	case value[0] == '[' || value[0] == '{':
		return text(string(value))
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return cell{"float", string(value)}
	}
	if column == "createdDateTime" {
		return cell{"date", strings.TrimSuffix(strings.TrimSuffix(s, "Z"), midnight)}
	}
	return text(s)
}
