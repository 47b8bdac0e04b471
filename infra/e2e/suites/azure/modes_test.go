package azure_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// mode is one of the ways in which the host hands over a caller's request.
type mode struct {
	name     string
	settings []string // of host.json, by app settings
	// streams says that an answer reaches the caller as it comes, compresses that it may be
	// compressed.
	streams, compresses bool
}

// modes are those that Azure has. The first is the one that is deployed.
func modes() []mode {
	const proxying, forwarding = "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest=", "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest="
	return []mode{
		{name: "proxied", streams: true, compresses: true},
		{name: "forwarded", settings: []string{proxying + "false", forwarding + "true"}, compresses: true},
		{name: "enveloped", settings: []string{proxying + "false"}},
	}
}

// inEveryMode runs a test on an app of each mode, side by side.
func inEveryMode(t *testing.T, cfg simulator.Config, env []string, test func(*deployment, mode)) {
	for _, m := range modes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(deploy(t, cfg, append(m.settings, env...)...), m)
		})
	}
}
