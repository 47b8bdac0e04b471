// Package chaos_test reads tenants that misbehave and change, by seed, and holds
// everything that comes out to one property: what is called complete has everyone who
// was there throughout, nobody who never was, each once, and a true manifest; and what
// is not called complete carries no mark that says so, and leaves the last list in place.
package chaos_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
)

// The seeds of a run: CHAOS_SEEDS of them from CHAOS_FIRST on.
const (
	defaultSeeds = 32
	defaultFirst = 1
)

// outcome is what a run came to: the way in which a complete list was verified, or the
// public name of the error.
type outcome struct {
	complete bool
	how      string
}

// job is one kind of run. It reports violations of the property through the trial.
type job struct {
	name string
	run  func(*trial) outcome
}

func jobs() []job {
	all := []job{
		{"list-1", func(c *trial) outcome { return c.list(1) }},
		{"list-4", func(c *trial) outcome { return c.list(4) }},
		{"list-auto", func(c *trial) outcome { return c.list(0) }},
		{"api-ndjson", (*trial).stream},
		{"api-csv", (*trial).table},
		{"api-pages", (*trial).pages},
	}
	for _, mode := range []struct {
		name string
		run  func(*publishing) outcome
	}{{"whole", (*publishing).whole}, {"slices", (*publishing).slices}, {"killed", (*publishing).killed}, {"twice", (*publishing).twice}} {
		for _, parallel := range []int{0, 1, 4, 8} {
			all = append(all, job{fmt.Sprintf("snapshot-%s-%s", config.Parallel(parallel), mode.name), func(c *trial) outcome {
				p := c.publish(parallel, memory)
				defer p.explain()
				time.Sleep(time.Hour) // so that the next run is a later one
				return mode.run(p)
			}})
		}
	}
	return all
}

func TestChaos(t *testing.T) {
	t.Parallel()
	first, seeds := number(t, "CHAOS_FIRST", defaultFirst), number(t, "CHAOS_SEEDS", defaultSeeds)
	all := &tally{counts: map[string]map[outcome]int{}}
	t.Cleanup(func() { all.report(t, first, seeds) })
	for seed := first; seed < first+seeds; seed++ {
		t.Run("seed="+strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			for _, j := range jobs() {
				t.Run(j.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { all.add(j.name, j.run(newTrial(t, seed, j.name, time.Second))) })
					if t.Failed() {
						t.Logf("repeat it: cd infra && CHAOS_FIRST=%d CHAOS_SEEDS=1 go test -count=1 ./e2e/suites/chaos -run 'TestChaos$/seed=%[1]d/%s$'", seed, j.name)
					}
				})
			}
		})
	}
}

func number(t *testing.T, variable string, fallback int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is not a number from 1", variable, text)
	}
	return n
}

// randomOf returns numbers that depend on the seed and the name alone.
func randomOf(seed int, name string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, name)
	return rand.New(rand.NewPCG(uint64(seed), hash.Sum64()))
}

// tally counts what runs came to.
type tally struct {
	mu     sync.Mutex
	counts map[string]map[outcome]int
}

func (a *tally) add(job string, o outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts[job] == nil {
		a.counts[job] = map[outcome]int{}
	}
	a.counts[job][o]++
}

// enough is how many runs show a mixture of outcomes.
const enough = 20

// report prints what the runs came to. Runs of one kind of which none ends in a complete
// list show nothing, nor do runs that all succeed.
func (a *tally) report(t *testing.T, first, seeds int) {
	t.Helper()
	a.print("chaos", first, seeds)
	failures, all := 0, 0
	for name, outcomes := range a.counts {
		runs, complete := 0, 0
		for o, n := range outcomes {
			if runs += n; o.complete {
				complete += n
			}
		}
		if runs >= enough && complete == 0 {
			t.Errorf("none of %d runs of %s is complete: that shows nothing", runs, name)
		}
		failures, all = failures+runs-complete, all+runs
	}
	if all >= enough*len(jobs()) && failures == 0 {
		t.Errorf("none of %d runs has failed: that shows nothing", all)
	}
}

// print prints how many runs came to what.
func (a *tally) print(what string, first, seeds int) {
	total := map[outcome]int{}
	runs, complete := 0, 0
	for _, outcomes := range a.counts {
		for o, n := range outcomes {
			total[o] += n
			if runs += n; o.complete {
				complete += n
			}
		}
	}
	var lines []string
	for _, o := range slices.SortedFunc(maps.Keys(total), func(a, b outcome) int { return cmp.Compare(total[b], total[a]) }) {
		label := "failed, "
		if o.complete {
			label = "complete, "
		}
		lines = append(lines, fmt.Sprintf("%7d %s%s", total[o], label, o.how))
	}
	_, _ = fmt.Fprintf(os.Stdout, "%s: %d seeds from %d, %d runs: %d complete, %d failed\n%s\n",
		what, seeds, first, runs, complete, runs-complete, strings.Join(lines, "\n"))
}
