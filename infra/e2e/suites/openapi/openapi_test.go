package openapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// described is an API that describes itself.
type described struct {
	base string
	// token is what callers send, authority the certificate that they trust; empty for none.
	token, authority string
	client           *http.Client
}

// people is the tenant that is read: nasty values in every type of column, and one that Graph
// refuses.
func people() simulator.Config { return simulator.Config{Users: 150, Hostile: true} }

const columns = "ROLLCALL_SELECT=id,displayName,userPrincipalName,accountEnabled,createdDateTime,businessPhones,assignedLicenses,employeeOrgData," +
	"onPremisesExtensionAttributes,deviceEnrollmentLimit,showInAddressList,signInActivity?,manager"

// function is the built functions/users behind a trigger.
func function(kind gateway.Kind) func(t *testing.T) *described {
	return func(t *testing.T) *described {
		t.Helper()
		e := harness.Start(t, endpoint.Config{Bootstrap: harness.Release(t, "functions/users"), Kind: kind, Tenant: people(), Env: []string{columns}}.Start)
		authority := filepath.Join(t.TempDir(), "api.pem")
		if err := os.WriteFile(authority, e.Gateway.CertPEM, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if leaks := e.Leaks(); len(leaks) > 0 {
				t.Errorf("the function's log contains %q", leaks)
			}
		})
		return &described{base: e.Gateway.URL, token: endpoint.Token, authority: authority, client: e.Gateway.Client()}
	}
}

// serve is `rollcall serve` with the page for people before the API.
func serve(t *testing.T) *described {
	t.Helper()
	directory := harness.Start(t, tenant.New(people()).Start)
	running := harness.Serve(t, process.Server{
		Program: harness.Plain(t, "functions/rollcall"), Env: append(process.CleanEnviron(), append(directory.Environ(), columns)...),
	})
	return &described{base: running.Address, client: http.DefaultClient}
}

// TestTheAPIIsAsItDescribesItself has the document held against the meta-schema of OpenAPI,
// and the API against the document: by requests that are the same each time, valid ones and others.
func TestTheAPIIsAsItDescribesItself(t *testing.T) {
	validator := harness.Installed(t, "suites", "openapi", ".venv", "bin", "openapi-spec-validator")
	schemathesis := harness.Installed(t, "suites", "openapi", ".venv", "bin", "schemathesis")
	for name, start := range map[string]func(*testing.T) *described{
		"the function behind an HTTP API": function(gateway.HTTPAPI()),
		"rollcall serve":                  serve,
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t)
			document := d.document(t)
			run(t, t.TempDir(), validator, "--schema", "3.1", document)
			args := []string{
				"--config-file", harness.Path(t, "infra", "e2e", "suites", "openapi", "schemathesis.toml"),
				"run", document, "--url", d.base, "--checks", "all", "--generation-deterministic", "--max-examples", "30", "--workers", "1",
				"--suppress-health-check", "all", "--request-timeout", "120", "--continue-on-failure", "--no-color",
			}
			if d.token != "" {
				args = append(args, "--header", "Authorization: Bearer "+d.token, "--tls-verify", d.authority)
			}
			run(t, t.TempDir(), schemathesis, args...)
		})
	}
}

// document fetches the document into a file, by the address that it has to name.
func (d *described) document(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.base+"/openapi.json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if d.token != "" {
		request.Header.Set("Authorization", "Bearer "+d.token)
	}
	response, err := d.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %v\n%s", response.Status, err, text)
	}
	var said struct{ Servers []struct{ URL string } }
	if err := json.Unmarshal(text, &said); err != nil || len(said.Servers) == 0 || said.Servers[0].URL != d.base {
		t.Errorf("it is known at %s and says %+v, %v", d.base, said, err)
	}
	path := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a program in a folder of its own, which it may leave things in.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	command := process.NewCommand(t.Context(), program, args...)
	command.Dir, command.Env = dir, process.CleanEnviron()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(program), err, out)
		return
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Logf("%s: %s", filepath.Base(program), strings.Join(lines[max(0, len(lines)-8):], "\n"))
}
