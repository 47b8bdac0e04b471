package changes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

const tenantID = "11111111-2222-4333-8444-555555555555"

var errKilled = errors.New("killed")

// fixture is a simulated tenant, and the feed of its changes.
type fixture struct {
	tenant  *simulator.Tenant
	client  *graph.Client
	memory  *storetest.Memory
	state   *storetest.Faulty
	request list.Request
	buses   []*fakeBus
	leavers tolerance.Tolerance
	// reconcile is how often everybody is read.
	reconcile time.Duration
	log       bytes.Buffer
}

func newFixture(t testing.TB, cfg simulator.Config) *fixture {
	t.Helper()
	f := &fixture{tenant: simulator.New(cfg), memory: storetest.NewMemory(), request: listtest.Request(), buses: []*fakeBus{{}}, leavers: tolerance.Tolerance{Users: 1000}}
	f.state = &storetest.Faulty{Store: f.memory}
	f.client = listtest.Client(t, f.tenant, graph.Config{})
	return f
}

func (f *fixture) feed() *changes.Feed {
	c := changes.Config{
		Directory: f.client, Request: f.request, Tenant: tenantID, State: f.state, MaxLeavers: f.leavers, MaxColumnLoss: tolerance.Tolerance{Share: 0.5},
		Reconcile: f.reconcile, Log: slog.New(slog.NewJSONHandler(&f.log, nil)),
	}
	for _, b := range f.buses {
		c.Buses = append(c.Buses, func() changes.Bus { return &session{bus: b} })
	}
	return changes.New(c)
}

// run runs the feed once; it must not fail.
func (f *fixture) run(t testing.TB, in changes.Input) *changes.Result {
	t.Helper()
	result, err := f.feed().Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// fail runs the feed, which must fail with an error of the name.
func (f *fixture) fail(t *testing.T, in changes.Input, name string) {
	t.Helper()
	if f.errorOf(t, in, name) == nil {
		t.Fatal("it did not fail")
	}
}

// errorOf is fail for a caller that looks at the error.
func (f *fixture) errorOf(t *testing.T, in changes.Input, name string) error {
	t.Helper()
	result, err := f.feed().Run(t.Context(), in)
	if err == nil || failure.Of(err).Name != name {
		t.Fatalf("%+v, %v, want a %s", result, err, name)
	}
	return err
}

// fakeBus keeps what it has acknowledged.
type fakeBus struct {
	events []bus.Event
	// before and after, if set, are called around each call.
	before, after func(op string) error
	down          error
}

func (b *fakeBus) take() []bus.Event {
	all := b.events
	b.events = nil
	return all
}

// session is the bus of one run. What is published arrives at once, as on a bus that sends
// in small batches.
type session struct{ bus *fakeBus }

func (s *session) call(op string, do func()) error {
	if s.bus.before != nil {
		if err := s.bus.before(op); err != nil {
			return err
		}
	}
	if s.bus.down != nil {
		return s.bus.down
	}
	do()
	if s.bus.after != nil {
		return s.bus.after(op)
	}
	return nil
}

func (s *session) Publish(_ context.Context, e bus.Event) error {
	e.Data = bytes.Clone(e.Data)
	return s.call("publish", func() { s.bus.events = append(s.bus.events, e) })
}
func (s *session) Flush(context.Context) error { return s.call("flush", func() {}) }
func (s *session) Close()                      {}

// user is a user as an event or a list shows it: null and nothing are the same.
type user map[string]any

func parse(t testing.TB, raw []byte) user {
	t.Helper()
	u := user{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&u); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	for name, value := range u {
		if value == nil || strings.HasPrefix(name, "@") {
			delete(u, name)
		}
	}
	if m, ok := u["manager"].(map[string]any); ok {
		delete(m, "@odata.type")
	}
	return u
}

// consumer knows the tenant from events alone.
type consumer struct {
	users map[string]user
	seen  map[string]time.Time // ids of events, by when they came
}

func newConsumer() *consumer {
	return &consumer{users: map[string]user{}, seen: map[string]time.Time{}}
}

// consume applies events as they come from a FIFO queue, which drops what came within five
// minutes before.
func (c *consumer) consume(t testing.TB, events []bus.Event) {
	t.Helper()
	for _, e := range events {
		if last, ok := c.seen[e.ID]; ok && time.Since(last) < 5*time.Minute {
			continue
		}
		c.seen[e.ID] = time.Now()
		var data struct{ User json.RawMessage }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case changes.EventDeleted, changes.EventPurged:
			delete(c.users, e.Subject)
		default:
			c.users[e.Subject] = parse(t, data.User)
		}
	}
}

// users lists the tenant as it is. Faults that are left come to an end.
func (f *fixture) users(t testing.TB) map[string]user {
	t.Helper()
	var err error
	for range 20 {
		var all map[string]user
		if all, err = f.list(t); err == nil {
			return all
		}
	}
	t.Fatal(err)
	return nil
}

func (f *fixture) list(t testing.TB) (map[string]user, error) {
	t.Helper()
	all := map[string]user{}
	client := listtest.Client(t, f.tenant, graph.Config{})
	for page, err := range client.Pager(f.request.Query()).Pages(t.Context()) {
		if err != nil {
			return nil, err
		}
		for u, err := range page.Users() {
			if err != nil {
				return nil, err
			}
			all[string(u.ID)] = parse(t, u.Raw)
		}
	}
	return all, nil
}

func (f *fixture) wantSame(t testing.TB, c *consumer) {
	t.Helper()
	if diff := cmp.Diff(f.users(t), c.users); diff != "" {
		t.Fatalf("the tenant (-) is not what the events say (+):\n%s", diff)
	}
}

// wantClean fails the test if the state store has objects that the feed does not need: a
// shard for each first byte of an id, and the pointer.
func (f *fixture) wantClean(t testing.TB) {
	t.Helper()
	shards := map[string]bool{}
	for _, key := range f.memory.Keys() {
		shard := key[strings.LastIndexByte(key, '/')+1:]
		if strings.HasPrefix(shard, "spill-") {
			t.Errorf("a piece of a comparison is left: %s", key)
		}
		if shards[shard] {
			t.Errorf("there is another shard %s: %s", shard, key)
		}
		shards[shard] = true
	}
	want := map[string]bool{"pointer.json": true}
	for id := range f.users(t) {
		want[id[:2]] = true
	}
	for shard := range want {
		if !shards[shard] {
			t.Errorf("shard %s is not there", shard)
		}
	}
}

func types(events []bus.Event) string {
	var all []string
	for _, e := range events {
		all = append(all, strings.TrimPrefix(e.Type, "rollcall.user."))
	}
	return strings.Join(all, " ")
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
