package triggers

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stage"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestEveryTrigger holds each trigger to the same promises, on one binary.
func TestEveryTrigger(t *testing.T) {
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if err := build.Release(t.Context(), "functions/users", "", bootstrap); err != nil {
		t.Fatal(err)
	}
	for _, kind := range gateway.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			p := begin(t, stage.Config{Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: population}})
			for name, test := range map[string]func(*play){
				"has every user over its pages":            (*play).everyPage,
				"gives every user in one NDJSON answer":    (*play).everyLine,
				"gives every user in one CSV answer":       (*play).everyRow,
				"finds a guest by name":                    (*play).guest,
				"counts":                                   (*play).count,
				"compresses where that reaches the caller": func(p *play) { p.compressed(kind) },
				"refuses what is beyond the allow-list":    (*play).beyond,
				"refuses what is none of its paths":        (*play).elsewhere,
				"does not know formats that there are not": (*play).strange,
			} {
				t.Run(name, func(t *testing.T) { test(p.in(t)) })
			}
			t.Run("gives nothing without a verified caller", func(t *testing.T) {
				begin(t, stage.Config{
					Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: 3},
					Env: []string{"ROLLCALL_ALLOW_ANONYMOUS=false"},
				}).anonymous()
			})
			t.Run("does not call a broken list complete", func(t *testing.T) {
				broken := simulator.Config{Users: 5000, Faults: []simulator.Fault{{Name: "500", Page: 4, Times: -1}}}
				begin(t, stage.Config{Bootstrap: bootstrap, Kind: kind, Tenant: broken, Timeout: 3 * time.Second}).broken(kind)
			})
			if kind.Streams {
				streams(t, bootstrap, kind)
			}
			t.Run("keeps to the size that the trigger takes", func(t *testing.T) {
				begin(t, stage.Config{Bootstrap: bootstrap, Kind: kind, Tenant: simulator.Config{Users: 30_000}}).large(kind)
			})
		})
	}
}
