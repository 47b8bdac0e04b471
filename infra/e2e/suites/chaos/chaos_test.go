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
		{"api-ndjson", (*trial).stream},
		{"api-csv", (*trial).table},
		{"api-pages", (*trial).pages},
	}
	for _, mode := range []struct {
		name string
		run  func(*publishing) outcome
	}{{"whole", (*publishing).whole}, {"slices", (*publishing).slices}, {"killed", (*publishing).killed}, {"twice", (*publishing).twice}} {
		for _, parallel := range []int{1, 4, 8} {
			all = append(all, job{fmt.Sprintf("snapshot-%d-%s", parallel, mode.name), func(c *trial) outcome { return mode.run(c.publish(parallel)) }})
		}
	}
	return all
}

func TestChaos(t *testing.T) {
	first, seeds := number(t, "CHAOS_FIRST", defaultFirst), number(t, "CHAOS_SEEDS", defaultSeeds)
	all := &tally{counts: map[string]map[outcome]int{}}
	t.Cleanup(func() { all.report(t, first, seeds) })
	for seed := first; seed < first+seeds; seed++ {
		t.Run("seed="+strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			for _, j := range jobs() {
				t.Run(j.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { all.add(j.name, j.run(newTrial(t, seed, j.name))) })
					if t.Failed() {
						t.Logf("repeat it, in infra: %s=%d %s=1 go test -count=1 ./e2e/suites/chaos -run '^TestChaos$/^seed=%d$/^%s$'", "CHAOS_FIRST", seed, "CHAOS_SEEDS", seed, j.name)
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

// enough is how many seeds show a mixture of outcomes.
const enough = 20

// report prints what the runs came to. Seeds of which none, or each, ends in a complete
// list show nothing.
func (a *tally) report(t *testing.T, first, seeds int) {
	t.Helper()
	total := map[outcome]int{}
	runs, complete := 0, 0
	for name, outcomes := range a.counts {
		jobRuns, jobComplete := 0, 0
		for o, n := range outcomes {
			total[o] += n
			jobRuns += n
			if o.complete {
				jobComplete += n
			}
		}
		if jobRuns >= enough && (jobComplete == 0 || jobComplete == jobRuns) {
			t.Errorf("%d of %d runs of %s are complete: that shows nothing", jobComplete, jobRuns, name)
		}
		runs, complete = runs+jobRuns, complete+jobComplete
	}
	var lines []string
	for _, o := range slices.SortedFunc(maps.Keys(total), func(a, b outcome) int { return cmp.Compare(total[b], total[a]) }) {
		label := "failed, "
		if o.complete {
			label = "complete, "
		}
		lines = append(lines, fmt.Sprintf("%7d %s%s", total[o], label, o.how))
	}
	_, _ = fmt.Fprintf(os.Stdout, "chaos: %d seeds from %d, %d runs: %d complete, %d failed\n%s\n", seeds, first, runs, complete, runs-complete, strings.Join(lines, "\n"))
}
