package readers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// nasty are the columns in which the simulated tenant has what readers stumble over:
// text that looks like something else, lists, structures whose members differ, and
// values that the first users lack.
const nasty = usual + ",employeeHireDate,preferredDataLocation,showInAddressList,deviceEnrollmentLimit,businessPhones,proxyAddresses," +
	"employeeOrgData,customSecurityAttributes,onPremisesExtensionAttributes,signInActivity,assignedLicenses," + extension

// TestEveryReaderReadsTheNastyTenant lists a tenant of 12,000 users in every format, by
// the command line, as a snapshot and by the API, and has jq, DuckDB, Polars, PyArrow,
// pandas and openpyxl compare each value with what the tenant itself has.
func TestEveryReaderReadsTheNastyTenant(t *testing.T) {
	people := harness.Start(t, tenant.New(simulator.Config{Users: 12_000, Hostile: true, Agents: true, Roles: []string{
		"User.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All", "User-LifeCycleInfo.Read.All",
	}}).Start)
	dir := t.TempDir()
	fetch(t, people, filepath.Join(dir, "pages.ndjson"))
	r := &rollcall{
		program: harness.Plain(t, "functions/rollcall"), dir: dir,
		env: append(process.CleanEnviron("SSL_CERT_FILE"), append(people.Environ(), "ROLLCALL_SELECT="+nasty+",manager")...),
	}
	for _, file := range []string{"users.ndjson", "users.json", "users.csv", "users.xlsx"} {
		r.run(t, "", "list", "--output", file)
	}
	r.run(t, "excel.csv", "list", "--format", "csv=excel")
	r.run(t, "stream.ndjson", "list", "--format", "ndjson")
	for folder, options := range map[string]string{
		"gzip": "format=ndjson&compression=gzip", "zstd": "format=ndjson&compression=zstd", "csv": "format=csv&compression=gzip", "parquet": "format=parquet",
	} {
		r.run(t, "/dev/null", "snapshot", "--sink", "./"+folder+"?"+options)
	}
	r.serve(t)

	python := harness.Installed(t, "suites", "readers", ".venv", "bin", "python")
	command := process.NewCommand(t.Context(), python, "formats.py", dir)
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.HasSuffix(out, []byte("every value agrees\n")) {
		t.Errorf("formats.py: %v", err)
	}
}

// fetch writes the users as the tenant sends them, by nothing of this project's reading.
func fetch(t *testing.T, people *tenant.Tenant, path string) {
	t.Helper()
	transport := people.Transport()
	token, err := people.TokenSource(transport).Token(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"$select": {nasty}, "$expand": {"manager($select=id)"}, "$top": {"999"}}
	pages(t, transport, token, "https://graph.microsoft.com/v1.0/users?"+query.Encode(), path)
}

// pages writes a page a line, from the first to the last.
func pages(t *testing.T, transport http.RoundTripper, token, link, path string) {
	t.Helper()
	file, done := create(t, path)
	defer done()
	for link != "" {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		body := answer(t, transport, r)
		if _, err := file.Write(append(body, '\n')); err != nil {
			t.Fatal(err)
		}
		var page struct {
			Next string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		link = page.Next
	}
}

func answer(t *testing.T, transport http.RoundTripper, r *http.Request) []byte {
	t.Helper()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%.500s", r.URL.Path, resp.Status, err, body)
	}
	return body
}

// rollcall runs the command line in a folder.
type rollcall struct {
	program, dir string
	env          []string
}

// run runs a command; its output goes to a file, "" for nowhere because there is none.
func (r *rollcall) run(t *testing.T, output string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := process.NewCommand(ctx, r.program, args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = r.dir, r.env, &stdout, &stderr
	if err := command.Run(); err != nil || output == "" && stdout.Len() > 0 {
		t.Fatalf("rollcall %s: %v\n%.300s\n%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	if output != "" && output != "/dev/null" {
		if err := os.WriteFile(filepath.Join(r.dir, output), stdout.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serve reads the users from the API in every format.
func (r *rollcall) serve(t *testing.T) {
	t.Helper()
	server := harness.Serve(t, process.Server{Program: r.program, Dir: r.dir, Env: r.env})
	for file, query := range map[string]string{
		"api.ndjson": "$format=ndjson", "api.csv": "$format=csv", "api-excel.csv": "$format=csv&csv=excel", "api.xlsx": "$format=xlsx",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.Address+"/users?"+query, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		body := answer(t, http.DefaultTransport, request)
		if err := os.WriteFile(filepath.Join(r.dir, file), body, 0o600); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", file, err))
		}
	}
	pages(t, http.DefaultTransport, "none", server.Address+"/users?$top=999", filepath.Join(r.dir, "api-pages.ndjson"))
}
