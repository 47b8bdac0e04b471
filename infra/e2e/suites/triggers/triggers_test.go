package triggers_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestEveryTrigger tests the same promises on each trigger, with one binary.
func TestEveryTrigger(t *testing.T) {
	bootstrap := harness.Release(t, "functions/users")
	for _, kind := range gateway.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			c := start(t, endpoint.Config{Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: population}})
			for name, test := range map[string]func(*client){
				"has every user over its pages":            (*client).everyPage,
				"gives every user in one NDJSON answer":    (*client).everyLine,
				"gives every user in one CSV answer":       (*client).everyRow,
				"finds a guest by name":                    (*client).guest,
				"counts":                                   (*client).count,
				"compresses where that reaches the caller": func(c *client) { c.compressed(kind) },
				"refuses what is beyond the allow-list":    (*client).beyondAllowList,
				"refuses other paths":                      (*client).otherPaths,
				"refuses unknown formats":                  (*client).unknownFormats,
				"has the ids of each request":              (*client).ids,
				"refuses to do more than read":             (*client).otherMethods,
			} {
				t.Run(name, func(t *testing.T) { test(c.in(t)) })
			}
			t.Run("finds odd names", func(t *testing.T) {
				start(t, endpoint.Config{Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: 30}}).oddNames()
			})
			t.Run("gives nothing without a verified caller", func(t *testing.T) {
				anonymous := start(t, endpoint.Config{
					Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: 3},
					Env: []string{"ROLLCALL_ALLOW_ANONYMOUS=false"},
				})
				anonymous.anonymous()
				anonymous.healthCheck(kind)
			})
			t.Run("does not call a broken list complete", func(t *testing.T) {
				broken := simulator.Config{Users: 5000, Faults: []simulator.Fault{{Name: "500", Page: 4, Times: -1}}}
				start(t, endpoint.Config{Bootstrap: bootstrap, Kind: kind, Tenant: broken, Timeout: 3 * time.Second}).broken(kind)
			})
			if kind.Streams {
				streams(t, bootstrap, kind)
				t.Run("compressed", func(t *testing.T) { compressedStreams(t, bootstrap, kind) })
			}
			t.Run("keeps to the size that the trigger takes", func(t *testing.T) {
				start(t, endpoint.Config{Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: 30_000}}).large(kind)
			})
		})
	}
}
