package js_test

import (
	"os/exec"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/client"
)

func TestPnPReadsEveryoneOnce(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node is not installed: %v", err)
	}
	harness.Installed(t, "node_modules", "@pnp", "graph")
	for name, start := range map[string]func(*testing.T) *client.Target{
		"from the simulated tenant": client.Tenant,
		"from the built function":   client.API,
		"from rollcall serve":       client.Serve,
	} {
		t.Run(name, func(t *testing.T) { start(t).Read(t, []string{node, "pnp.js"}) })
	}
}
