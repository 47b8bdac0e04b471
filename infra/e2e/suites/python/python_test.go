package python_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/client"
)

func TestMicrosoftsPythonClientReadsEveryoneOnce(t *testing.T) {
	program := []string{harness.Installed(t, "suites", "python", ".venv", "bin", "python"), "users.py"}
	for name, start := range map[string]func(*testing.T) *client.Target{
		"from the simulated tenant under Microsoft's own hosts": client.MicrosoftsHosts,
		"from the built function":                               client.API,
	} {
		t.Run(name, func(t *testing.T) { start(t).Read(t, program) })
	}
}
