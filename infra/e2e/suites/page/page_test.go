package page_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// limit is how long the browser may take for everything.
const limit = 8 * time.Minute

func TestThePageInARealBrowser(t *testing.T) {
	node, chromium := program(t, "node"), program(t, "chromium")
	harness.Installed(t, "node_modules", "playwright-core")
	harness.Installed(t, "node_modules", "axe-core")
	rollcall := harness.Plain(t, "functions/rollcall")
	people := harness.Start(t, tenant.New(simulator.Config{Users: 480, Hostile: true, Churn: 60}).Start)
	folder := filepath.Join(t.TempDir(), "snapshot")
	for range 3 {
		run(t, rollcall, people, "snapshot", "--sink", folder)
		time.Sleep(2 * time.Second) // somebody comes or goes
	}
	served := serve(t, rollcall, people, "--watch", "--sink", folder)
	fault, err := simulator.ParseFault("403")
	if err != nil {
		t.Fatal(err)
	}
	refused := serve(t, rollcall, harness.Start(t, tenant.New(simulator.Config{Users: 10, Faults: []simulator.Fault{fault}}).Start))

	command := process.NewCommand(t.Context(), node, "page.js")
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "SCREENSHOTS=" + os.Getenv("SCREENSHOTS"),
		"CHROMIUM=" + chromium, "BASE_URL=" + served.Address, "REFUSED_URL=" + refused.Address,
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stuck := time.AfterFunc(limit, func() { _ = command.Process.Kill() })
	defer stuck.Stop()
	out, err := command.Output()
	if err != nil {
		t.Fatalf("the browser: %v\n%s\n%s", err, out, stderr.Bytes())
	}
	var wrong []string
	if err := json.Unmarshal(out, &wrong); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, each := range wrong {
		t.Error(each)
	}
}

// program finds a program that the system has.
func program(t *testing.T, name string) string {
	t.Helper()
	found, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	return found
}

// serve serves a tenant on this machine.
func serve(t *testing.T, rollcall string, people *tenant.Tenant, args ...string) *process.Running {
	t.Helper()
	return harness.Serve(t, process.Server{Program: rollcall, Args: args, Env: append(process.CleanEnviron(), people.Environ()...)})
}

// run runs a command to its end.
func run(t *testing.T, rollcall string, people *tenant.Tenant, args ...string) {
	t.Helper()
	command := process.NewCommand(t.Context(), rollcall, args...)
	command.Env = append(process.CleanEnviron(), people.Environ()...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("rollcall %s: %v\n%s", args[0], err, out)
	}
}
