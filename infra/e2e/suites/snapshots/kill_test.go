package snapshots

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// mortal is a world whose tenant changes a little before each run.
type mortal struct {
	*world
	users int // indices of the tenant so far
	gone  map[int]bool
	last  map[string]bool // what was published last
	run   int
}

func newMortal(t *testing.T, bucket string, cfg simulator.Config, env ...string) *mortal {
	t.Helper()
	m := &mortal{world: newWorld(t, bucket, cfg, env...), users: cfg.Users, gone: map[int]bool{}}
	m.start()
	m.again()
	m.complete(snapshot.Input{Run: m.name()})
	m.last = m.now()
	m.wantEverywhere(m.name(), m.last)
	return m
}

func (m *mortal) name() string { return fmt.Sprintf("run-%04d", m.run) }

func (m *mortal) now() map[string]bool { return present(m.tenant, m.users, m.gone) }

// again lets three users join and two leave.
func (m *mortal) again() {
	m.Helper()
	m.run++
	for range 3 {
		m.tenant.Create()
		m.users++
	}
	for range 2 {
		for {
			i := rand.IntN(m.users)
			if m.gone[i] {
				continue
			}
			if err := m.tenant.Delete(i); err != nil {
				m.Fatal(err)
			}
			m.gone[i] = true
			break
		}
	}
}

// dies starts a run, which arm lets be killed at some point, and checks what readers
// find and what the next run makes of it: the same run asked again, or another.
func (m *mortal) dies(what string, same bool, arm func(kill func())) {
	m.Helper()
	m.again()
	m.start()
	kill := m.killer()
	arm(kill)
	_, _, err := m.invoke(snapshot.Input{Run: m.name()})
	m.guard.watch(nil)
	kill() // in case it was faster
	now := m.now()
	_, found := m.latest()
	for name, got := range map[string]map[string]bool{"latest": found, "users": m.usersTable(), "users_history": m.historyTable(time.Now())} {
		if !maps.Equal(got, m.last) && !maps.Equal(got, now) {
			m.Fatalf("%s (%v): %s has %d users: neither the last run's %d nor this one's %d", what, err, name, len(got), len(m.last), len(now))
		}
	}
	m.start()
	if !same {
		m.run++
	}
	m.complete(snapshot.Input{Run: m.name()})
	m.last = now
	m.wantEverywhere(m.name(), now)
}

// quick makes runs of a few hundred milliseconds with several pages and parts.
func quick() simulator.Config { return simulator.Config{Users: 700} }

func TestAKillAtAnyCallOfTheStoreLeavesACompleteRun(t *testing.T) {
	m := newMortal(t, "kills", quick(), "ROLLCALL_PAGE_SIZE=100")
	m.again()
	m.guard.watch(func(int, bool) bool { return false })
	m.complete(snapshot.Input{Run: m.name()})
	m.last = m.now()
	calls := m.guard.counted()
	if calls < 15 {
		t.Fatalf("a run makes %d calls only", calls)
	}
	for call := 1; call <= calls; call++ {
		for _, after := range []bool{false, true} {
			m.dies(fmt.Sprintf("call %d of %d, after: %v", call, calls, after), (call%2 == 0) == after, func(kill func()) {
				m.guard.watch(func(at int, done bool) bool {
					if at > call { // what is dead calls no more
						return true
					}
					if at == call && done == after {
						kill()
						return true
					}
					return false
				})
			})
		}
	}
	t.Logf("killed before and after each of %d calls", calls)
}

func TestAKillAtAnyInstantLeavesACompleteRun(t *testing.T) {
	const kills = 100
	m := newMortal(t, "instants", quick(), "ROLLCALL_PAGE_SIZE=100")
	m.again()
	m.start()
	began := time.Now()
	m.complete(snapshot.Input{Run: m.name()})
	took := time.Since(began)
	m.last = m.now()
	for i := range kills {
		at := rand.N(took)
		m.dies(fmt.Sprintf("kill %d after %s of about %s", i, at, took), i%2 == 0, func(kill func()) { time.AfterFunc(at, kill) })
	}
}

func TestAKillInAnySliceLeavesACompleteRun(t *testing.T) {
	m := newMortal(t, "sliced", simulator.Config{Users: 900, Latency: 300 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=50")
	m.timeout = 5 * time.Second
	for i := range 3 {
		m.again()
		m.start()
		in := snapshot.Input{Run: m.name()}
		for deaths := 0; ; {
			if deaths < 3 {
				time.AfterFunc(rand.N(5*time.Second), m.killer())
			}
			result, _, err := m.invoke(in)
			if err != nil { // as the state machine does: the same slice again
				if deaths++; deaths > 20 {
					t.Fatalf("run %d does not end: %v", i, err)
				}
				_, found := m.latest()
				if !maps.Equal(found, m.last) && !maps.Equal(found, m.now()) {
					t.Fatalf("latest has %d users", len(found))
				}
				m.start()
				continue
			}
			if result.Status == snapshot.Complete {
				break
			}
			in = snapshot.Input{Resume: result.Resume}
		}
		m.last = m.now()
		m.wantEverywhere(m.name(), m.last)
	}
}
