package js_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const population = 2345

func TestMicrosoftsJavaScriptClientReadsTheBuiltFunctionToItsEnd(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node is not installed: %v", err)
	}
	harness.Installed(t, "node_modules", "@microsoft", "microsoft-graph-client")
	e := harness.Start(t, endpoint.Config{
		Bootstrap: harness.Release(t, "functions/users"), Kind: gateway.HTTPAPI(), Tenant: simulator.Config{Users: population},
	}.Start)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, e.Gateway.CertPEM, 0o600); err != nil {
		t.Fatal(err)
	}

	command := process.NewCommand(t.Context(), node, "users.js", e.Gateway.URL+"/")
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "NODE_EXTRA_CA_CERTS=" + authority, "CALLER_TOKEN=" + endpoint.Token}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("the client: %v\n%s\nthe function's log:\n%s", err, stderr.Bytes(), e.Host.Output())
	}
	type found struct {
		IDs, Names, Count int
		One               bool
		Refusal           string
	}
	var got found
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("the client printed %q: %v", out, err)
	}
	if want := (found{population, population, population, true, "400 Request.Invalid"}); got != want {
		t.Errorf("the client found %+v, want %+v", got, want)
	}
	if leaks := e.Leaks(); len(leaks) > 0 {
		t.Errorf("the log contains %q", leaks)
	}
}
