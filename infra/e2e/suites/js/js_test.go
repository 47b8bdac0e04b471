package js

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stage"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const population = 2345

func TestMicrosoftsJavaScriptClientReadsTheBuiltFunctionToItsEnd(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node is not installed: %v", err)
	}
	if _, err := os.Stat(filepath.Join("node_modules", "@microsoft", "microsoft-graph-client")); err != nil {
		t.Fatalf("Microsoft's client is not installed (%v): run `make e2e`, which installs it", err)
	}
	dir := t.TempDir()
	bootstrap := filepath.Join(dir, "bootstrap")
	if err := build.Release(t.Context(), "functions/users", "", bootstrap); err != nil {
		t.Fatal(err)
	}
	s, err := stage.Start(t.Context(), stage.Config{
		Bootstrap: bootstrap, Kind: gateway.HTTPAPI(), Tenant: simulator.Config{Users: population},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, s.Gateway.CertPEM, 0o600); err != nil {
		t.Fatal(err)
	}

	command := exec.CommandContext(t.Context(), node, "users.js", s.Gateway.URL+"/")
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "NODE_EXTRA_CA_CERTS=" + authority, "CALLER_TOKEN=" + stage.Token}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("the client: %v\n%s\nthe function's log:\n%s", err, stderr.Bytes(), s.Host.Output())
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
	if leaks := s.Leaks(); len(leaks) > 0 {
		t.Errorf("the log holds %q", leaks)
	}
}
