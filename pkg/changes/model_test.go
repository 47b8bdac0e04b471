package changes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// seeds is how many tenants the model test has: some dozens, or as many as
// ROLLCALL_MODEL_SEEDS says.
func seeds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ROLLCALL_MODEL_SEEDS")
	if text == "" {
		return 40
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAConsumerOfEventsAloneKnowsExactlyTheTenant has random things happen in a tenant, with
// random faults, kills and comparisons with everybody. Once it has settled, who has seen the
// events, through a queue that drops repetitions within five minutes, knows the tenant.
func TestAConsumerOfEventsAloneKnowsExactlyTheTenant(t *testing.T) {
	for seed := range seeds(t) {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { model(t, uint64(seed)) })
		})
	}
}

// feedFaults are what Graph may do to the feed without losing changes.
func feedFaults() []string {
	return []string{
		"429-seconds@delta", "503@delta", "reset@delta", "truncate@delta", "delta-expired:2x1", "delta-expired:3x1", "delta-reset:2x1", "delta-page-expired:2x1", "delta-replay:2x2", "delta-duplicate:1x3",
		"empty-page@delta", "503@batch", "batch-throttled", "429-date@deleted", "truncate@deleted", "503:2", "reset", "expired-token:2", "stall@delta", "link-after-value@delta:1x2", "500@count",
	}
}

func model(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	f := newFixture(t, simulator.Config{Users: 20 + r.IntN(60), Seed: seed, DeltaPageSize: 3 + r.IntN(20), Latency: time.Duration(r.IntN(3)*r.IntN(2000)) * time.Millisecond, TokenLifetime: 100000 * time.Hour})
	f.request.PageSize = 3 + r.IntN(30)
	if seed%2 == 1 {
		f.request.Columns = append(f.request.Columns, listtest.Columns("manager", "@odata.type")...)
		f.addFault(t, [...]string{"delta-silent-manager", "batch-throttled"}[r.IntN(2)])
	}
	f.reconcile = time.Duration(1+r.IntN(300)) * time.Hour
	c := newConsumer()
	for range 25 {
		for range r.IntN(8) {
			happen(r, f)
		}
		if r.IntN(3) == 0 {
			f.addFault(t, feedFaults()[r.IntN(len(feedFaults()))])
		}
		time.Sleep(time.Duration(r.IntN(60*60*12)) * time.Second / time.Duration(1+r.IntN(200)))
		if r.IntN(20) == 0 {
			time.Sleep(8 * 24 * time.Hour)
		}
		f.step(t, r)
		c.consume(t, f.buses[0].take())
	}
	f.calm()
	f.request.Columns = slices.DeleteFunc(f.request.Columns, func(c property.Column) bool { return c.Name == "jobTitle" })
	for range 3 {
		in := changes.Input{Baseline: "emit"}
		for result := f.settle(t, in); result.Status == changes.Continue; result = f.settle(t, in) {
		}
	}
	c.consume(t, f.buses[0].take())
	for _, u := range c.users { // further columns come with the next event
		delete(u, "jobTitle")
	}
	f.wantSame(t, c)
	if t.Failed() {
		t.Logf("seed %d", seed)
	}
}

// happen makes a change in the tenant, sometimes back to what it was.
func happen(r *rand.Rand, f *fixture) {
	who := 20 + r.IntN(70) // who is not a manager
	switch r.IntN(9) {
	case 0:
		f.tenant.Create()
	case 1, 2:
		_ = f.tenant.Delete(who)
	case 3:
		_ = f.tenant.Restore(who)
	case 4:
		_ = f.tenant.Purge(who)
	case 5:
		_ = f.tenant.Rename(who, fmt.Sprintf("someone.%d@contoso.example", r.IntN(1000)))
	case 6:
		_ = f.tenant.SetManager(who, r.IntN(20))
	default:
		_ = f.tenant.SetDepartment(who, [...]string{"IT", "Legal", ""}[r.IntN(3)])
	}
}

// step runs the feed once, and perhaps kills it or ends its time: often so that a comparison
// with everybody is parked on some page.
func (f *fixture) step(t *testing.T, r *rand.Rand) {
	t.Helper()
	ctx := t.Context()
	if r.IntN(2) == 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(1+r.IntN([...]int{20, 60, 600}[r.IntN(3)]))*time.Second)
		defer cancel()
		ctx = limited
	}
	if r.IntN(3) == 0 {
		left, between := r.IntN(60), r.IntN(4)
		die := func(op int) error {
			if op == between {
				left--
			}
			if left < 0 {
				return errKilled
			}
			return nil
		}
		f.state.Before, f.state.After = func(string, string) error { return die(0) }, func(string, string) error { return die(1) }
		f.buses[0].before, f.buses[0].after = func(string) error { return die(2) }, func(string) error { return die(3) }
	}
	in := changes.Input{Baseline: "emit", Resync: r.IntN(8) == 0}
	if r.IntN(6) == 0 { // a bus that is down
		f.buses[0].down = errKilled
	}
	if r.IntN(40) == 0 { // further columns, or fewer
		if last := len(f.request.Columns) - 1; f.request.Columns[last].Name == "jobTitle" {
			f.request.Columns = f.request.Columns[:last]
		} else {
			f.request.Columns = append(f.request.Columns, listtest.Columns("jobTitle")...)
		}
	}
	result, err := f.feed().Run(ctx, in)
	if err == nil && result.Users == 0 && result.Status == changes.Complete {
		t.Errorf("%+v", result)
	}
	f.calm()
}

func (f *fixture) calm() {
	f.state.Before, f.state.After = nil, nil
	f.buses[0].before, f.buses[0].after, f.buses[0].down = nil, nil, nil
}

// settle runs the feed until it does not fail: faults that are left come to an end.
func (f *fixture) settle(t *testing.T, in changes.Input) *changes.Result {
	t.Helper()
	var err error
	for range 60 {
		var result *changes.Result
		if result, err = f.feed().Run(t.Context(), in); err == nil {
			return result
		}
		time.Sleep(10 * time.Minute)
	}
	t.Fatal(err)
	return nil
}

// addFault adds a fault to the tenant.
func (f *fixture) addFault(t *testing.T, name string) {
	t.Helper()
	parsed, err := simulator.ParseFault(name)
	if err != nil {
		t.Fatal(err)
	}
	f.tenant.AddFault(parsed)
}
