package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// smallMemory is the memory in MB of the function whose changes are measured.
const smallMemory = 128

// feed is a tenant, S3 and a bus, all metered, for the changes of the tenant.
type feed struct {
	*bench
	tenant *tenant.Tenant
	s3     *versity.Server
	meter  *meter
	bus    *eventBus
	users  int
	whole  time.Duration // of the baseline
}

// cost is what one invocation of a function took.
type cost struct {
	spent
	graph        map[string]int // requests by kind
	fromGraph    int64          // bytes of bodies
	s3           map[string]int // requests by method
	toS3, fromS3 int64
	events       int64
	invocations  int
}

// changes prints what publishing changes takes, beside a snapshot of the same tenant and
// the difference of two.
func (b *bench) changes(ctx context.Context, users, changed int) error {
	f, err := b.startFeed(ctx, users)
	if err != nil {
		return err
	}
	defer f.close()
	fmt.Printf("\n### The changes of %d users\n\nBy the built functions with %d MB of memory, through the S3 client into versitygw; no latency. One process a row.\n\n", users, smallMemory)
	fmt.Println("| what | invocations | CPU s | peak RSS MiB | wall s | Graph requests | MB from Graph | S3 requests | MB to S3 | MB from S3 | events |")
	fmt.Println("|---|--:|--:|--:|--:|---|--:|---|--:|--:|--:|")
	for _, step := range []struct {
		name string
		do   func(ctx context.Context) (cost, error)
	}{
		{"baseline", f.comparison(changes.Baseline, changes.Input{})},
		{"baseline, parked on the way", f.parked},
		{"a quiet round", f.round(0)},
		{"a round of one change", f.round(1)},
		{fmt.Sprintf("a round of %d changes", changed), f.round(changed)},
		{"comparison with everybody, who are as they were", f.comparison(changes.Reconcile, changes.Input{Resync: true})},
		{"a snapshot", f.snapshot("one")},
		{"the next snapshot", f.snapshot("two")},
		{"the difference of both, by hand", f.difference("one", "two")},
	} {
		progress(step.name)
		c, err := step.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("| %s | %d | %.2f | %.0f | %.1f | %s | %.1f | %s | %.1f | %.1f | %d |\n", step.name, c.invocations, c.cpu.Seconds(), mebibytes(c.peak), c.wall.Seconds(),
			byKind(c.graph), float64(c.fromGraph)/1e6, byKind(c.s3), float64(c.toS3)/1e6, float64(c.fromS3)/1e6, c.events)
	}
	return nil
}

// byKind lists counts by their names.
func byKind(counts map[string]int) string {
	if len(counts) == 0 {
		return "0"
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	return strings.Join(all, ", ")
}

func (b *bench) startFeed(ctx context.Context, users int) (*feed, error) {
	f := &feed{bench: b, users: users}
	started := false
	defer func() {
		if !started {
			f.close()
		}
	}()
	for _, name := range []string{"changes", "snapshot"} {
		if err := repository.Release(ctx, "functions/"+name, "", filepath.Join(b.dir, name)); err != nil {
			return nil, err
		}
	}
	var err error
	if f.tenant, err = tenant.New(simulator.Config{Users: users}).Start(ctx); err != nil {
		return nil, err
	}
	if f.s3, err = b.startS3(ctx, "mirror"); err != nil {
		return nil, err
	}
	if f.meter, err = startMeter(f.s3.URL); err != nil {
		return nil, err
	}
	f.bus = startEventBus()
	started = true
	return f, nil
}

func (f *feed) close() {
	if f.bus != nil {
		f.bus.Close()
	}
	if f.meter != nil {
		f.meter.Close()
	}
	if f.s3 != nil {
		f.s3.Close()
	}
	if f.tenant != nil {
		f.tenant.Close()
	}
}

// comparison is a run of the changes that compares with everybody, and is of a kind.
func (f *feed) comparison(kind string, in changes.Input) func(context.Context) (cost, error) {
	return func(ctx context.Context) (cost, error) { return f.run(ctx, in, kind, 0) }
}

// round changes the departments of so many users, and runs the changes.
func (f *feed) round(changed int) func(context.Context) (cost, error) {
	return func(ctx context.Context) (cost, error) {
		for i := range changed {
			if err := f.tenant.SetDepartment(i*(f.users/changed), fmt.Sprintf("One of %d", changed)); err != nil {
				return cost{}, err
			}
		}
		return f.run(ctx, changes.Input{}, changes.Round, changed)
	}
}

// parked makes a baseline by a function that has half of the time that it needs.
func (f *feed) parked(ctx context.Context) (total cost, err error) {
	for {
		var r changes.Result
		c, err := f.invoke(ctx, "changes", f.whole/2, changes.Input{}, &r, "ROLLCALL_SINKS=eventbridge://bench", "ROLLCALL_STATE=s3://bench/parked")
		if err != nil {
			return total, err
		}
		total.add(c)
		if r.Status == changes.Complete {
			return total, nil
		}
	}
}

// add adds what a further invocation took.
func (c *cost) add(other cost) {
	c.wall, c.cpu, c.peak = c.wall+other.wall, c.cpu+other.cpu, max(c.peak, other.peak)
	c.fromGraph, c.toS3, c.fromS3 = c.fromGraph+other.fromGraph, c.toS3+other.toS3, c.fromS3+other.fromS3
	c.events, c.invocations = c.events+other.events, c.invocations+other.invocations
	c.graph, c.s3 = sum(c.graph, other.graph), sum(c.s3, other.s3)
}

func sum(a, b map[string]int) map[string]int {
	both := maps.Clone(b)
	for name, n := range a {
		both[name] += n
	}
	return both
}

// run runs the changes, which must be of a kind and have so many updates.
func (f *feed) run(ctx context.Context, in changes.Input, kind string, updated int) (cost, error) {
	var r changes.Result
	c, err := f.invoke(ctx, "changes", limit, in, &r, "ROLLCALL_SINKS=eventbridge://bench", "ROLLCALL_STATE=s3://bench/state")
	if kind == changes.Baseline {
		f.whole = c.wall
	}
	if err == nil && (r.Status != changes.Complete || r.Kind != kind || r.Users != f.users || r.Updated != updated || c.events != int64(updated)) {
		err = fmt.Errorf("%+v, %d events", r, c.events)
	}
	return c, err
}

// snapshot publishes everybody.
func (f *feed) snapshot(run string) func(context.Context) (cost, error) {
	return func(ctx context.Context) (cost, error) {
		var r snapshot.Result
		c, err := f.invoke(ctx, "snapshot", limit, snapshot.Input{Run: run}, &r, "ROLLCALL_SINKS=s3://bench/snapshots")
		if err == nil && (r.Status != snapshot.Complete || r.Users != f.users) {
			err = fmt.Errorf("%+v", r)
		}
		return c, err
	}
}

// limit is the time that a function has.
const limit = 15 * time.Minute

// invoke runs a function once, in a process of its own that has so much time.
func (f *feed) invoke(ctx context.Context, function string, timeout time.Duration, in, result any, env ...string) (cost, error) {
	f.take(new(cost))
	s, err := invoke(ctx, lambdahost.Config{
		Bootstrap: filepath.Join(f.dir, function), Timeout: timeout,
		Env: slices.Concat(f.tenant.Environ(), versity.Environ(f.meter.URL), []string{
			fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", smallMemory), "AWS_ENDPOINT_URL_EVENTBRIDGE=" + f.bus.URL, "TMPDIR=" + f.dir,
		}, env),
	}, in, result)
	c := cost{spent: s, invocations: 1}
	f.take(&c)
	return c, err
}

// take moves what was counted since the last time into a cost.
func (f *feed) take(c *cost) {
	c.graph = map[string]int{}
	for _, r := range f.tenant.Requests() {
		c.graph[r.Kind]++
		c.fromGraph += r.Bytes
	}
	f.tenant.ForgetRequests()
	c.s3, c.toS3, c.fromS3 = f.meter.take()
	c.events = f.bus.events.Swap(0)
}

// difference compares two snapshots as somebody would without the feed.
func (f *feed) difference(before, after string) func(context.Context) (cost, error) {
	return func(ctx context.Context) (cost, error) {
		self, err := os.Executable()
		if err != nil {
			return cost{}, err
		}
		f.take(new(cost))
		command := exec.CommandContext(ctx, self, "difference", before, after)
		command.Env = append(os.Environ(), versity.Environ(f.meter.URL)...)
		command.Stderr = os.Stderr
		began := time.Now()
		out, err := command.Output()
		if err != nil {
			return cost{}, err
		}
		c := cost{spent: spent{wall: time.Since(began)}, invocations: 1}
		var d difference
		if err := json.Unmarshal(out, &d); err != nil {
			return c, err
		}
		if d.Users != f.users || d.Differing != 0 {
			return c, fmt.Errorf("%+v", d)
		}
		f.take(&c)
		c.cpu, c.peak = d.CPU, d.PeakRSS
		return c, nil
	}
}
