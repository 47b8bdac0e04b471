package snapshots_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// killing is a deployment whose tenant changes a little before each run, and whose
// runs are killed.
type killing struct {
	*deployment
	users int // indices of the tenant so far
	gone  map[int]bool
	last  map[string]bool // what was published last
	run   int
}

func deployToKill(t *testing.T, bucket string, cfg simulator.Config, env ...string) *killing {
	t.Helper()
	k := &killing{deployment: deploy(t, bucket, cfg, env...), users: cfg.Users, gone: map[int]bool{}}
	k.start()
	k.change()
	k.complete(snapshot.Input{Run: k.name()})
	k.last = k.now()
	k.wantEverywhere(k.name(), k.last)
	return k
}

func (k *killing) name() string { return fmt.Sprintf("run-%04d", k.run) }

func (k *killing) now() map[string]bool { return present(k.tenant, k.users, k.gone) }

// change begins another run: three users join and two leave.
func (k *killing) change() {
	k.Helper()
	k.run++
	for range 3 {
		k.tenant.Create()
		k.users++
	}
	for range 2 {
		for {
			i := rand.IntN(k.users)
			if k.gone[i] {
				continue
			}
			if err := k.tenant.Delete(i); err != nil {
				k.Fatal(err)
			}
			k.gone[i] = true
			break
		}
	}
}

// kill starts a run that arm has killed at some point, and checks what readers
// find then and after the next run: the same run repeated, or another.
func (k *killing) kill(what string, same bool, arm func(kill func())) {
	k.Helper()
	k.change()
	k.start()
	kill := k.killer()
	arm(kill)
	_, _, err := k.invoke(snapshot.Input{Run: k.name()})
	k.proxy.Cut(nil)
	kill() // in case the run was faster
	now := k.now()
	_, found := k.latest()
	for name, got := range map[string]map[string]bool{"latest": found, "users": k.usersTable(), "users_history": k.historyTable(time.Now())} {
		if !maps.Equal(got, k.last) && !maps.Equal(got, now) {
			k.Fatalf("%s (%v): %s has %d users: neither the last run's %d nor this one's %d", what, err, name, len(got), len(k.last), len(now))
		}
	}
	k.start()
	if !same {
		k.run++
	}
	k.complete(snapshot.Input{Run: k.name()})
	k.last = now
	k.wantEverywhere(k.name(), now)
}

// quick makes runs of a few hundred milliseconds with several pages and parts.
func quick() simulator.Config { return simulator.Config{Users: 700} }

func TestAKillAtAnyCallOfTheStoreLeavesACompleteRun(t *testing.T) {
	k := deployToKill(t, "kills", quick(), "ROLLCALL_PAGE_SIZE=100")
	k.change()
	k.proxy.Cut(nil)
	k.complete(snapshot.Input{Run: k.name()})
	k.last = k.now()
	calls := k.proxy.Calls()
	if calls < 15 {
		t.Fatalf("a run makes %d calls only", calls)
	}
	for call := 1; call <= calls; call++ {
		for _, after := range []bool{false, true} {
			k.kill(fmt.Sprintf("call %d of %d, after: %v", call, calls, after), (call%2 == 0) == after, func(kill func()) {
				k.proxy.Cut(func(c faultproxy.Call) bool {
					if c.Number == call && c.Replied == after {
						kill()
						return true
					}
					return c.Number > call // a dead process calls no more
				})
			})
		}
	}
	t.Logf("killed before and after each of %d calls", calls)
}

func TestAKillAtAnyInstantLeavesACompleteRun(t *testing.T) {
	const kills = 100
	k := deployToKill(t, "instants", quick(), "ROLLCALL_PAGE_SIZE=100")
	k.change()
	k.start()
	began := time.Now()
	k.complete(snapshot.Input{Run: k.name()})
	took := time.Since(began)
	k.last = k.now()
	for i := range kills {
		at := rand.N(took)
		k.kill(fmt.Sprintf("kill %d after %s of about %s", i, at, took), i%2 == 0, func(kill func()) { time.AfterFunc(at, kill) })
	}
}

func TestAKillInAnySliceLeavesACompleteRun(t *testing.T) {
	k := deployToKill(t, "sliced", simulator.Config{Users: 900, Latency: 300 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=50")
	k.timeout = 5 * time.Second
	for i := range 3 {
		k.change()
		k.start()
		in := snapshot.Input{Run: k.name()}
		for kills := 0; ; {
			if kills < 3 {
				time.AfterFunc(rand.N(5*time.Second), k.killer())
			}
			result, _, err := k.invoke(in)
			if err != nil { // repeat the slice, as the state machine does
				if kills++; kills > 20 {
					t.Fatalf("run %d does not end: %v", i, err)
				}
				_, found := k.latest()
				if !maps.Equal(found, k.last) && !maps.Equal(found, k.now()) {
					t.Fatalf("latest has %d users", len(found))
				}
				k.start()
				continue
			}
			if result.Status == snapshot.Complete {
				break
			}
			in = snapshot.Input{Resume: result.Resume}
		}
		k.last = k.now()
		k.wantEverywhere(k.name(), k.last)
	}
}
