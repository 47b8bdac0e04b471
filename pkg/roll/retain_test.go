package roll_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// keeper is a store that deletes what is marked, once it is old.
type keeper struct {
	roll.Store
	expendable map[string]bool
	ahead      func() // of each mark
}

func (k *keeper) Retain(ctx context.Context, key string, keep bool) error {
	if k.ahead != nil {
		k.ahead()
	}
	if _, _, err := k.Read(ctx, key); err != nil {
		return err
	}
	k.expendable[key] = !keep
	return nil
}

// marked says which objects of a run may be deleted: all, none or some.
func (k *keeper) marked(w *world, run string) string {
	all, some := 0, 0
	for _, key := range slicesOf(w.kept.Keys(), "/run="+run+"/") {
		if all++; k.expendable[key] {
			some++
		}
	}
	switch some {
	case 0:
		return "none"
	case all:
		return "all"
	}
	return "some"
}

func (k *keeper) mustMark(t *testing.T, w *world, want map[string]string) {
	t.Helper()
	for run, objects := range want {
		if got := k.marked(w, run); got != objects {
			t.Errorf("of run %s, %s of the objects may be deleted, want %s", run, got, objects)
		}
	}
}

func TestOnlyWhatNothingNamesMayBeDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		k := &keeper{Store: w.bucket, expendable: map[string]bool{}}
		w.bucket = k
		k.mustMark(t, w, map[string]string{"old": "none"})
		if _, err := w.slice(t, w.snapshot(), roll.Input{Run: "late"}, sliceLimit(1)); err != nil {
			t.Fatal(err)
		}
		w.suspect(t, "new")
		k.mustMark(t, w, map[string]string{"old": "none", "new": "all"})
		if err := accept(t, w); err != nil {
			t.Fatal(err)
		}
		k.mustMark(t, w, map[string]string{"old": "all", "new": "none"})
		time.Sleep(time.Hour)
		w.publish(t, "next")
		k.mustMark(t, w, map[string]string{"old": "all", "new": "all", "next": "none"})
		w.leavers = roll.Leavers{Users: killUsers}
		if _, _, err := w.run(t.Context(), roll.Input{Resume: "late.2"}, 0); err != nil {
			t.Fatal(err)
		}
		k.mustMark(t, w, map[string]string{"late": "all", "next": "none"})
	})
}

// TestARunThatIsAcceptedMeanwhileIsKept accepts a run ahead of each mark and each
// call of an invocation that finds it suspect once more.
func TestARunThatIsAcceptedMeanwhileIsKept(t *testing.T) {
	for number, struck := 1, true; struck; number++ {
		struck = false
		synctest.Test(t, func(t *testing.T) {
			w := small(t)
			k := &keeper{Store: w.bucket, expendable: map[string]bool{}}
			w.bucket = k
			w.suspect(t, "new")
			seen := 0
			k.ahead = func() {
				if seen++; seen == number {
					struck = true
					if err := accept(t, w); err != nil {
						t.Fatal(err)
					}
				}
			}
			_, err := w.snapshot().Run(t.Context(), roll.Input{Run: "new"})
			if struck && err == nil || !struck && !strings.Contains(err.Error(), "suspect") {
				t.Error(err)
			}
			want := map[string]string{"old": "all", "new": "none"}
			if !struck {
				want = map[string]string{"old": "none", "new": "all"}
			}
			k.mustMark(t, w, want)
		})
		if t.Failed() {
			t.Fatalf("at mark %d", number)
		}
	}
}
