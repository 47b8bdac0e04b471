package chaos_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// publishing is a trial whose tenant is published to one store for each format. A good
// list, of the tenant as it was an hour ago, is published already.
type publishing struct {
	*trial
	parallel int
	state    objects
	stores   []destination
	old      []published // by store
}

// objects is a store whose objects can be listed.
type objects interface {
	storetest.Store
	Keys() []string
}

// destination is a store, and what is published there.
type destination struct {
	objects
	format, compression string
	partSize            int64
}

const (
	oldRun   = "old"
	newRun   = "new"
	otherRun = "other"
)

// memory is an empty store in memory.
func memory(string) objects { return storetest.NewMemory() }

// publish publishes the good list, to stores that open makes by their name.
func (c *trial) publish(parallel int, open func(name string) objects) *publishing {
	c.Helper()
	p := &publishing{trial: c, parallel: parallel, state: open("state")}
	for _, kind := range []destination{
		{format: "ndjson", compression: []string{format.Gzip, format.Zstd, format.None}[c.random.IntN(3)]},
		{format: "csv", compression: []string{format.Gzip, format.Zstd, format.None}[c.random.IntN(3)]},
		// Parquet's zstd keeps encoders for other bubbles of virtual time.
		{format: "parquet", compression: []string{format.Gzip, format.None}[c.random.IntN(2)]},
	} {
		kind.objects, kind.partSize = open(kind.format), int64(1+c.random.IntN(16<<10))
		p.stores = append(p.stores, kind)
	}
	is := c.tenant.Config()
	wellBehaved := simulator.New(simulator.Config{Users: is.Users, Seed: is.Seed, B2C: is.B2C})
	if _, err := p.snapshot(wellBehaved, nil).Run(c.Context(), snapshot.Input{Run: oldRun}); err != nil {
		c.Fatal(err)
	}
	for i := range p.stores {
		p.old = append(p.old, p.read(i, oldRun))
	}
	return p
}

// snapshot wires a snapshot of a tenant as an invocation does. k, which may be nil, kills
// it.
func (p *publishing) snapshot(tenant *simulator.Tenant, k *killer) *snapshot.Snapshot {
	p.Helper()
	from := p.reader(tenant, p.parallel)
	all := tolerance.Tolerance{Share: 1}
	publication := snapshot.Publication{
		Directory: from.Graph, Request: from.Request, Tenant: tenant.Config().Tenant, State: k.store(p.state),
		MaxLeavers: all, MaxColumnLoss: all, Log: slog.New(slog.NewTextHandler(&p.log, nil)),
	}
	for _, d := range p.stores {
		to := snapshot.Destination{
			Store: k.store(d), Format: d.format, Compression: d.compression, Suffix: "." + d.format, PartSize: d.partSize, Tables: true,
			Encode: func(w io.Writer, columns []string) (snapshot.Encoder, error) {
				return format.NewObject(w, d.format, d.compression, columns)
			},
		}
		if d.format == "parquet" {
			to.Encode = func(w io.Writer, columns []string) (snapshot.Encoder, error) {
				return parquet.New(w, columns, parquet.Options{Compression: parquet.Compression(d.compression)})
			}
		}
		publication.Destinations = append(publication.Destinations, to)
	}
	return snapshot.New(publication)
}

var errKilled = errors.New("the process was killed")

// killer kills an invocation at one of its calls to the stores: before the call, or after
// it, so that its reply is lost.
type killer struct {
	at    int64
	reply bool
	kill  context.CancelFunc
	calls atomic.Int64
	dead  atomic.Bool
}

func (k *killer) store(s storetest.Store) snapshot.Store {
	if k == nil {
		return s
	}
	return &storetest.Faulty{Store: s, Before: func(op, _ string) error {
		if k.dead.Load() {
			return errKilled
		}
		if op != "write" && k.calls.Add(1) == k.at && !k.reply { // nobody sees what is written before its commit
			return k.die()
		}
		return nil
	}, After: func(op, _ string) error {
		if k.dead.Load() || op != "write" && k.reply && k.calls.Load() >= k.at {
			return k.die()
		}
		return nil
	}}
}

func (k *killer) die() error {
	k.dead.Store(true)
	k.kill()
	return errKilled
}

// whole publishes in invocations that have all the time they need.
func (p *publishing) whole() outcome {
	_, result, err := p.run(snapshot.Input{Run: newRun}, patience, 2*patience)
	return p.judge(result, err, false)
}

// run asks for slice after slice until the run is complete or fails. Each has a deadline
// of its own.
func (p *publishing) run(in snapshot.Input, shortest, longest time.Duration) (snapshot.Input, *snapshot.Result, error) {
	p.Helper()
	for range 1000 {
		ctx, cancel := p.limited(shortest + time.Duration(p.random.Int64N(int64(longest-shortest))))
		result, err := p.snapshot(p.tenant, nil).Run(ctx, in)
		cancel()
		if err != nil || result.Status != snapshot.Continue {
			return in, result, err
		}
		p.judgeUnfinished()
		in = snapshot.Input{Resume: result.Resume}
	}
	return in, nil, errors.New("the run does not end")
}

// slices publishes in invocations that have too little time, each asked for another time
// if it fails.
func (p *publishing) slices() outcome {
	in := snapshot.Input{Run: newRun}
	var (
		result *snapshot.Result
		err    error
		done   bool
	)
	for range 4 {
		in, result, err = p.run(in, 10*time.Second, 100*time.Second)
		p.judge(result, err, done)
		var unfinished *snapshot.UnfinishedError
		if done = done || errors.As(err, &unfinished); err == nil {
			break
		}
	}
	return p.judge(result, err, done)
}

// killed publishes by an invocation that is killed at some call, up to three times, and by
// one that is not.
func (p *publishing) killed() outcome {
	for range 1 + p.random.IntN(3) {
		ctx, cancel := p.limited(patience)
		k := &killer{at: 1 + p.random.Int64N(70), reply: p.random.IntN(2) == 0, kill: cancel}
		result, err := p.snapshot(p.tenant, k).Run(ctx, snapshot.Input{Run: newRun})
		cancel()
		if err == nil && result.Status == snapshot.Continue {
			continue // a part of it, without being killed
		}
		if o := p.judge(result, err, true); o.complete {
			return o
		}
	}
	_, result, err := p.run(snapshot.Input{Run: newRun}, patience, 2*patience)
	return p.judge(result, err, true)
}

// twice publishes by two invocations at once, of the same run or of two.
func (p *publishing) twice() outcome {
	names := []string{newRun, newRun}
	if p.random.IntN(2) == 0 {
		names[1] = otherRun
	}
	delay := time.Duration(p.random.Int64N(int64(20 * time.Second)))
	ctx, cancel := p.limited(patience)
	defer cancel()
	var (
		group   sync.WaitGroup
		results [2]*snapshot.Result
		errs    [2]error
	)
	for i, name := range names {
		s := p.snapshot(p.tenant, nil)
		group.Go(func() {
			time.Sleep(time.Duration(i) * delay)
			in := snapshot.Input{Run: name}
			for results[i], errs[i] = s.Run(ctx, in); errs[i] == nil && results[i].Status == snapshot.Continue; results[i], errs[i] = s.Run(ctx, in) {
				in = snapshot.Input{Resume: results[i].Resume}
			}
		})
	}
	group.Wait()
	first, second := p.judge(results[0], errs[0], errs[1] == nil), p.judge(results[1], errs[1], errs[0] == nil)
	if second.complete {
		return second
	}
	return first
}
