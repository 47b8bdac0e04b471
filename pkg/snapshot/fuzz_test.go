package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// stage is what a run has stored when it is left.
type stage struct{ bucket, state *storetest.Memory }

func (s stage) clone(f testing.TB) stage {
	return stage{bucket: cloneOf(f, s.bucket), state: cloneOf(f, s.state)}
}

func cloneOf(f testing.TB, m *storetest.Memory) *storetest.Memory {
	f.Helper()
	c := storetest.NewMemory()
	for _, key := range m.Keys() {
		body, _, err := m.Read(context.Background(), key)
		if err == nil {
			_, err = c.Swap(context.Background(), key, body, "")
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	return c
}

// stages leaves run new while it reads, once its list is proven, and when it is done. Run
// old was published before.
func (f *fixture) stages(t testing.TB) []stage {
	t.Helper()
	var delay atomic.Int64
	f.client = listtest.Client(t, f.tenant, graph.Config{Transport: listtest.Intercept(f.tenant.Transport(), func(*http.Request) *http.Response {
		time.Sleep(time.Duration(delay.Load()))
		return nil
	})})
	run := func(limit time.Duration, s *snapshot.Snapshot) (*snapshot.Result, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		return s.Run(ctx, snapshot.Input{Run: "new"})
	}
	before := stage{f.memory, f.state.(*storetest.Memory)}
	use := func(s stage) { f.memory, f.bucket, f.state = s.bucket, s.bucket, s.state }

	reading := before.clone(t)
	delay.Store(int64(30 * time.Millisecond))
	for limit := 100 * time.Millisecond; ; limit += 20 * time.Millisecond {
		use(reading)
		if result, err := run(limit, f.buffered()); err == nil && result.Status == snapshot.Continue {
			break
		} else if err == nil || limit > time.Minute {
			t.Fatalf("%+v, %v", result, err)
		}
		reading = before.clone(t)
	}
	delay.Store(0)
	proven := before.clone(t)
	use(proven)
	over := false
	if _, err := run(time.Minute, f.intercepted(outage(&over, calls("swap", "manifest.json")))); err == nil {
		t.Fatal("the run was not stopped")
	}
	done := before.clone(t)
	use(done)
	if _, err := run(time.Minute, f.buffered()); err != nil {
		t.Fatal(err)
	}
	return []stage{reading, proven, done}
}

// fuzzStage passes what a run that was left has stored, one object of it replaced, to be
// asked for that run; and checks that readers see nothing but whole lists.
func fuzzStage(f *testing.F, key string, inBucket bool) {
	x := newFixture(f, simulator.Config{Users: 120})
	x.request.PageSize = 25
	x.publish(f, "old")
	stages := x.stages(f)
	for i, s := range stages {
		at := s.state
		if inBucket {
			at = s.bucket
		}
		body, _, err := at.Read(context.Background(), key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), body)
		for _, change := range [][2]string{
			{`"users":`, `"users":-`},
			{`"users":`, `"users":1`},
			{`"slice":`, `"slice":9`},
			{`"phase":"reading"`, `"phase":"done"`},
			{`"done":true`, `"done":false`},
			{`"link":"`, `"link":"x`},
			{`{"key":`, `null,{"key":`},
			{`"objects"`, `"objekts"`},
			{`"run":"new"`, `"run":"old"`},
			{`"version":1`, `"version":1e0`},
			{`"verified":true`, `"verified":"true"`},
			{`"version":1`, `"version":null`},
		} {
			f.Add(uint8(i), bytes.ReplaceAll(body, []byte(change[0]), []byte(change[1])))
		}
	}
	whole := x.tenantIDs(120)
	f.Fuzz(func(t *testing.T, number uint8, body []byte) {
		s := stages[int(number)%len(stages)].clone(t)
		y := *x
		y.memory, y.bucket, y.state, y.bus = s.bucket, s.bucket, s.state, &fakeBus{}
		at := y.state
		if inBucket {
			at = y.bucket
		}
		if err := edit(t, at, key, replaceBy(string(body))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		result, err := y.buffered().Run(ctx, snapshot.Input{Run: "new"})
		if err != nil {
			if name := failure.Of(err).Name; name == failure.Internal || name == "Sink.Failed" {
				t.Fatalf("%s: %v", name, err)
			}
			if now, _, _ := at.Read(t.Context(), key); inBucket && !bytes.Equal(now, body) && !errors.As(err, new(*snapshot.UnfinishedError)) {
				t.Errorf("%v, and the object was changed", err)
			}
			return
		}
		if result.Run != "new" || result.Status == snapshot.Complete && result.Users != len(whole) {
			t.Fatalf("%+v", result)
		}
		if result.Status != snapshot.Complete || result.Superseded != "" || inBucket && bytes.Equal(body, readAll(t, at, key)) {
			return
		}
		if m, ids := y.latest(t); m.Run != "new" && m.Run != "old" || !maps.Equal(ids, whole) {
			t.Fatalf("run %s with %d users is the latest", m.Run, len(ids))
		}
	})
}

func readAll(t *testing.T, at snapshot.Store, key string) []byte {
	t.Helper()
	body, _, err := at.Read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func FuzzCheckpoint(f *testing.F) { fuzzStage(f, checkpointKey("new"), false) }

func FuzzLatest(f *testing.F) { fuzzStage(f, latestKey, true) }

func FuzzManifestOfTheLastRun(f *testing.F) {
	fuzzStage(f, "runs/tenant="+tenantID+"/run=old/manifest.json", true)
}

func FuzzTable(f *testing.F) { fuzzStage(f, "users/tenant="+tenantID+"/symlink.txt", true) }
