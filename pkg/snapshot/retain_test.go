package snapshot_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// keeper is a store that deletes what is marked, once it is old. What Create makes
// is marked from the start.
type keeper struct {
	snapshot.Store
	expendable map[string]bool
	refuses    bool
}

func (k *keeper) Create(ctx context.Context, key string) (store.Upload, error) {
	k.expendable[key] = true
	return k.Store.Create(ctx, key)
}

func (k *keeper) Retain(ctx context.Context, key string, keep bool) error {
	if _, _, err := k.Read(ctx, key); err != nil {
		return err
	}
	if k.refuses {
		return &store.Error{Op: "tag", URL: k.URL(key), Err: errors.New("no")}
	}
	k.expendable[key] = !keep
	return nil
}

// mustMark checks which parts of each run may be deleted: all or none.
func (k *keeper) mustMark(t *testing.T, w *world, want map[string]bool) {
	t.Helper()
	for run, expendable := range want {
		parts := slicesOf(w.kept.Keys(), "/run="+run+"/part-")
		if len(parts) == 0 {
			t.Errorf("run %s has no parts", run)
		}
		for _, key := range parts {
			if k.expendable[key] != expendable {
				t.Errorf("that %s may be deleted is %t, want %t", key, k.expendable[key], expendable)
			}
		}
	}
}

func TestOnlyWhatNothingNamesMayBeDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		k := &keeper{Store: w.bucket, expendable: map[string]bool{}}
		w.bucket = k
		time.Sleep(time.Hour)
		w.publish(t, "good")
		k.mustMark(t, w, map[string]bool{"good": false})
		if _, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "late"}, sliceLimit(1)); err != nil {
			t.Fatal(err)
		}
		k.mustMark(t, w, map[string]bool{"good": false, "late": true})
		w.suspect(t, "new")
		k.mustMark(t, w, map[string]bool{"good": false, "new": true})
		if err := accept(t, w); err != nil {
			t.Fatal(err)
		}
		k.mustMark(t, w, map[string]bool{"good": true, "new": false})
		time.Sleep(time.Hour)
		w.publish(t, "next")
		k.mustMark(t, w, map[string]bool{"new": true, "next": false})
		w.leavers = tolerance.Tolerance{Users: killUsers}
		if _, _, err := w.run(t.Context(), snapshot.Input{Resume: "late.2"}, 0); err != nil {
			t.Fatal(err)
		}
		k.mustMark(t, w, map[string]bool{"late": true, "next": false})
	})
}

func TestWhatCannotBeKeptIsNotPromoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		k := &keeper{Store: w.bucket, expendable: map[string]bool{}, refuses: true}
		w.bucket = k
		time.Sleep(time.Hour)
		_, _, err := w.run(t.Context(), snapshot.Input{Run: "new"}, 0)
		mustBeCalled(t, err, "Sink.Failed")
		if m, _ := w.latest(t); m.Run != "old" {
			t.Errorf("latest is run %s", m.Run)
		}
		k.refuses = false
		if _, _, err := w.run(t.Context(), snapshot.Input{Run: "new"}, 0); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t, "new")
		k.mustMark(t, w, map[string]bool{"new": false})
	})
}
