package snapshot_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

const tenantID = "11111111-2222-4333-8444-555555555555"

// fixture is a simulated tenant, and what its list is published to.
type fixture struct {
	tenant        *simulator.Tenant
	client        *graph.Client
	bucket, state snapshot.Store
	memory        *storetest.Memory // below bucket
	bus           *fakeBus
	request       list.Request
	eachUser      bool
	maxLeavers    tolerance.Tolerance
	maxColumnLoss tolerance.Tolerance
	log           bytes.Buffer
}

func newFixture(t testing.TB, cfg simulator.Config) *fixture {
	t.Helper()
	f := &fixture{
		memory: storetest.NewMemory(), state: storetest.NewMemory(), bus: &fakeBus{}, request: listtest.Request(),
		maxLeavers: tolerance.Tolerance{Share: 0.01}, maxColumnLoss: tolerance.Tolerance{Share: 1},
	}
	f.bucket = f.memory
	f.setTenant(t, cfg)
	return f
}

// smallTenant is the number of users of newSmallFixture.
const smallTenant = 240

// newSmallFixture has a tenant with several pages of users, which take a second each, and
// with tokens that outlive every test.
func newSmallFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, simulator.Config{Users: smallTenant, Latency: time.Second, TokenLifetime: noLimit})
}

// newPublishedFixture has published a list an hour ago, as run old.
func newPublishedFixture(t *testing.T) *fixture {
	t.Helper()
	f := newSmallFixture(t)
	f.setPartitions(1)
	f.publish(t, "old")
	time.Sleep(time.Hour)
	return f
}

// setTenant replaces the tenant.
func (f *fixture) setTenant(t testing.TB, cfg simulator.Config) {
	t.Helper()
	f.tenant = simulator.New(cfg)
	f.setTransport(t, f.tenant.Transport())
}

// setTransport sends the requests to Graph through a transport.
func (f *fixture) setTransport(t testing.TB, transport http.RoundTripper) {
	t.Helper()
	f.client = listtest.Client(t, f.tenant, graph.Config{Transport: transport, Log: slog.New(slog.NewJSONHandler(&f.log, nil))})
}

// setPartitions has the small tenant read in so many partitions of several pages each.
func (f *fixture) setPartitions(parallel int) {
	f.request.Parallel, f.request.PageSize = parallel, 20
	if parallel > 1 {
		f.request.PageSize = 10
	}
}

// addFault adds a fault to the tenant.
func (f *fixture) addFault(t *testing.T, fault string) {
	t.Helper()
	f.tenant.AddFault(listtest.Faults(t, fault)[0])
}

// churn has four users join and four leave.
func (f *fixture) churn(t *testing.T, round int) {
	t.Helper()
	for i := range 4 {
		f.tenant.Create()
		f.deleteUsers(t, round*10+i*50, round*10+i*50+1)
	}
}

// deleteUsers deletes the users from one index up to, and without, another.
func (f *fixture) deleteUsers(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := f.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot publishes NDJSON without compression, so that tests can read what is stored.
func (f *fixture) snapshot() *snapshot.Snapshot {
	return snapshot.New(snapshot.Publication{
		Directory: f.client, Request: f.request, Tenant: tenantID, State: f.state, MaxLeavers: f.maxLeavers, MaxColumnLoss: f.maxColumnLoss,
		Destinations: []snapshot.Destination{{
			Store: f.bucket, Format: "ndjson", Compression: "none", Suffix: ".ndjson", PartSize: 64 << 10, Tables: true,
			Encode: func(w io.Writer, _ []string) (snapshot.Encoder, error) { return &lines{w: w}, nil },
		}},
		Announcements: []snapshot.Announcement{{Open: func() snapshot.Bus { return &session{bus: f.bus} }, EachUser: f.eachUser}},
		Log:           slog.New(slog.NewJSONHandler(&f.log, nil)),
	})
}

// buffered is a snapshot that makes few and large calls to its bucket, so that a test can
// go through all of them.
func (f *fixture) buffered() *snapshot.Snapshot {
	s := f.snapshot()
	s.Destinations[0].PartSize = 12 << 10
	s.Destinations[0].Encode = func(w io.Writer, _ []string) (snapshot.Encoder, error) {
		buffer := bufio.NewWriterSize(w, 8<<10)
		return &bufferedLines{lines: lines{w: buffer}, buffer: buffer}, nil
	}
	return s
}

// lines encodes users as NDJSON.
type lines struct {
	w    io.Writer
	size int64
}

func (l *lines) User(raw []byte) error {
	n, err := l.w.Write(append(bytes.Clone(raw), '\n'))
	l.size += int64(n)
	return err
}
func (l *lines) Size() int64  { return l.size }
func (l *lines) Close() error { return nil }

// bufferedLines are lines that go to the store some kilobytes at a time, as a compressor
// sends them.
type bufferedLines struct {
	lines
	buffer *bufio.Writer
}

func (l *bufferedLines) Close() error { return l.buffer.Flush() }

// fakeBus keeps the events that it has acknowledged.
type fakeBus struct {
	events []bus.Event
	err    error // of every call
}

// session is the bus of one run. Events that are not flushed are lost.
type session struct {
	bus     *fakeBus
	pending []bus.Event
}

func (s *session) Publish(_ context.Context, e bus.Event) error {
	e.Data = bytes.Clone(e.Data)
	s.pending = append(s.pending, e)
	return s.bus.err
}

func (s *session) Flush(context.Context) error {
	s.bus.events, s.pending = append(s.bus.events, s.pending...), nil
	return s.bus.err
}
func (s *session) Close() {}

// noLimit is more time than any run needs; sliceLimit is too little for the small tenant:
// a page takes a second, and so does counting for partitions.
const noLimit = 100 * time.Hour

func sliceLimit(parallel int) time.Duration {
	if parallel > 1 {
		return 10 * time.Second
	}
	return 8 * time.Second
}

// slice runs one slice.
func (f *fixture) slice(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) (*snapshot.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return s.Run(ctx, in)
}

// slices runs slices until the run is complete or fails. It also returns what the last
// one was asked for, so that it can be asked for another time.
func (f *fixture) slices(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) (asked snapshot.Input, result *snapshot.Result, err error) {
	t.Helper()
	for range 1000 {
		result, err = f.slice(t, s, in, limit)
		if err != nil || result.Status != snapshot.Continue {
			return in, result, err
		}
		in = snapshot.Input{Resume: result.Resume}
	}
	return in, nil, errors.New("the run does not end")
}

// sliceNumber is the number of the slice that an input asks for.
func sliceNumber(in snapshot.Input) int {
	_, after, _ := strings.Cut(in.Resume, ".")
	n, _ := strconv.Atoi(after)
	return max(1, n)
}

// complete runs slices to the end of a run that must not fail.
func (f *fixture) complete(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) *snapshot.Result {
	t.Helper()
	asked, result, err := f.slices(t, s, in, limit)
	if err != nil {
		t.Fatalf("at %+v: %v", asked, err)
	}
	return result
}

// publish publishes a list in one slice, without a deadline.
func (f *fixture) publish(t testing.TB, run string) *snapshot.Result {
	t.Helper()
	result, err := f.snapshot().Run(t.Context(), snapshot.Input{Run: run})
	if err != nil || result.Status != snapshot.Complete {
		t.Fatalf("run %s: %+v, %v", run, result, err)
	}
	return result
}

// park runs a slice that has to end before the list does.
func (f *fixture) park(t *testing.T, s *snapshot.Snapshot, run string, limit time.Duration) *snapshot.Result {
	t.Helper()
	result, err := f.slice(t, s, snapshot.Input{Run: run}, limit)
	if err != nil || result.Status != snapshot.Continue {
		t.Fatalf("run %s: %+v, %v", run, result, err)
	}
	return result
}

// fail runs slices until the run fails with an error of that public name, whose text
// contains some others.
func (f *fixture) fail(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration, name string, texts ...string) {
	t.Helper()
	_, _, err := f.slices(t, s, in, limit)
	wantError(t, err, name)
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not contain %s", err, text)
		}
	}
}

func wantError(t *testing.T, err error, name string) {
	t.Helper()
	if err == nil || failure.Of(err).Name != name {
		t.Fatalf("the error is %v, want a %s", err, name)
	}
}
