package snapshot_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestASnapshotIsPublishedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 1234})
		var watched []list.Report
		s := f.snapshot()
		s.Watch = func(r list.Report) { watched = append(watched, r) }
		result := f.complete(t, s, snapshot.Input{Run: "2026-11-22T02:15:00Z"}, noLimit)
		m := f.wantPublished(t, "2026-11-22T021500Z")
		if !m.Verified || m.Expected == nil || m.Expected.After != 1234 || len(m.Objects) < 2 || m.Passes != 1 {
			t.Errorf("the manifest says %+v", m)
		}
		if result.Users != 1234 || result.Status != snapshot.Complete || !result.Verified || result.Manifest == "" {
			t.Errorf("the result is %+v", result)
		}
		if len(f.bus.events) != 1 || f.bus.events[0].Type != snapshot.EventCompleted {
			t.Errorf("the bus got %+v", f.bus.events)
		}
		if len(watched) != 1 || watched[0].Users != 1024 || watched[0].Expected == nil || watched[0].Expected.Before != 1234 {
			t.Errorf("progress was reported as %+v", watched)
		}
	})
}

func TestADeadlineIsNotAFailure(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 5000, Latency: time.Second})
			f.request.Parallel, f.eachUser = parallel, true
			asked, _, err := f.slices(t, f.snapshot(), snapshot.Input{Run: "r"}, 40*time.Second/time.Duration(parallel))
			if err != nil || sliceNumber(asked) < 2 {
				t.Fatalf("at %+v: %v", asked, err)
			}
			t.Logf("%d slices", sliceNumber(asked))
			m := f.wantPublished(t, "r")
			if m.Duplicates > 3 || m.Pages < 50 {
				t.Errorf("%+v", m)
			}
			f.wantTenant(t, f.listed())
		})
	}
}

func TestAnInputThatWasAnsweredGetsTheSameAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 3000, Latency: time.Second})
		first := f.park(t, f.snapshot(), "r", 20*time.Second)
		repeated, err := f.snapshot().Run(t.Context(), snapshot.Input{Run: "r"})
		if err != nil || *repeated.Expected != *first.Expected || repeated.Resume != first.Resume || repeated.Users != first.Users {
			t.Errorf("the first slice answered %+v and then %+v, %v", first, repeated, err)
		}
		done := f.complete(t, f.snapshot(), snapshot.Input{Resume: first.Resume}, noLimit)
		requests := len(f.tenant.Requests())
		for _, in := range []snapshot.Input{{Run: "r"}, {Resume: "r.2"}} {
			repeated, err = f.snapshot().Run(t.Context(), in)
			if err != nil || repeated.Users != done.Users || repeated.Manifest != done.Manifest || repeated.Status != snapshot.Complete {
				t.Errorf("the run answered %+v and then %+v, %v", done, repeated, err)
			}
		}
		if len(f.tenant.Requests()) != requests || len(f.bus.events) != 1 {
			t.Error("a run that was done asked Graph, or was announced twice")
		}
		f.fail(t, f.snapshot(), snapshot.Input{Resume: "r.4"}, noLimit, "Request.Invalid")
	})
}

// discardingStore keeps small objects and drops what is uploaded.
type discardingStore struct{ *storetest.Memory }

func (discardingStore) Create(context.Context, string) (store.Upload, error) { return discarded{}, nil }

type discarded struct{}

func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) Commit() error               { return nil }
func (discarded) Abort()                      {}

// BenchmarkSnapshot reads a tenant to its proof and publishes it as NDJSON: what one user
// costs between the network and the store. Compare with BenchmarkList.
func BenchmarkSnapshot(b *testing.B) {
	recorded := listtest.Record(b, 100_000)
	for _, compression := range []string{format.None, format.Gzip, format.Zstd} {
		b.Run(compression, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				at := discardingStore{storetest.NewMemory()}
				s := snapshot.New(snapshot.Publication{
					Directory: recorded.Client, Request: recorded.Request, Tenant: tenantID, State: at,
					Destinations: []snapshot.Destination{{
						Store: at, Format: "ndjson", Compression: compression, Suffix: ".ndjson", PartSize: 128 << 20,
						Encode: func(w io.Writer, columns []string) (snapshot.Encoder, error) {
							return format.NewObject(w, "ndjson", compression, columns)
						},
					}},
				})
				if _, err := s.Run(b.Context(), snapshot.Input{Run: fmt.Sprint(n)}); err != nil {
					b.Fatal(err)
				}
			}
			recorded.ReportPerUser(b)
		})
	}
}
