package snapshot_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// edit changes the bodies of lists.
type edit struct {
	http.RoundTripper
	find *regexp.Regexp
	with string
}

func (e *edit) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.RoundTripper.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/users") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	body = e.find.ReplaceAll(body, []byte(e.with))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// without empties a column of text.
func (w *world) without(t *testing.T, column, nothing string) {
	t.Helper()
	w.through(t, func(rt http.RoundTripper) http.RoundTripper {
		return &edit{rt, regexp.MustCompile(`"` + column + `":"[^"]*"`), `"` + column + `":` + nothing}
	})
}

func TestAColumnThatIsEmptyAllOfASuddenIsSuspect(t *testing.T) {
	for _, nothing := range []string{"null", `""`, "[]"} {
		synctest.Test(t, func(t *testing.T) {
			w := small(t)
			w.without(t, "department", nothing)
			asked, _, err := w.slices(t.Context(), w.snapshot(), snapshot.Input{Run: "new"}, sliceLimit(1))
			mustBeCalled(t, err, "Snapshot.Suspect")
			if !strings.Contains(err.Error(), "department") || sliceOf(asked) < 2 {
				t.Errorf("%d slices, %v", sliceOf(asked), err)
			}
			if m, _ := w.latest(t); m.Run != "old" {
				t.Errorf("latest is run %s", m.Run)
			}
			if err := accept(t, w); err != nil {
				t.Fatal(err)
			}
			if m := w.mustHold(t, "new"); !slices.Equal(m.EmptyColumns, []string{"department"}) {
				t.Errorf("%+v", m)
			}
			time.Sleep(time.Hour)
			w.publish(t, "next") // it is known to be empty now
		})
	}
}

// TestAColumnThatOneSliceHasSeenIsNotEmpty empties a column after the first slice.
func TestAColumnThatOneSliceHasSeenIsNotEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		first, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "new"}, sliceLimit(1))
		if err != nil || first.Status != snapshot.Continue {
			t.Fatalf("%+v, %v", first, err)
		}
		w.without(t, "department", "null")
		if _, _, err = w.slices(t.Context(), w.snapshot(), snapshot.Input{Resume: first.Resume}, time.Hour); err != nil {
			t.Fatal(err)
		}
		if m := w.mustHold(t, "new"); len(m.EmptyColumns) > 0 {
			t.Errorf("%+v", m)
		}
	})
}

// TestAColumnSeenOnlyByAPassThatWasDiscardedIsEmpty loses the page token after the
// only users with a department.
func TestAColumnSeenOnlyByAPassThatWasDiscardedIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		first, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "new"}, sliceLimit(1))
		if err != nil || first.Status != snapshot.Continue {
			t.Fatalf("%+v, %v", first, err)
		}
		w.without(t, "department", "null")
		w.tenant.AddFault(simulator.Fault{Name: "expired-token", Page: 4, Times: 1})
		_, _, err = w.slices(t.Context(), w.snapshot(), snapshot.Input{Resume: first.Resume}, time.Hour)
		mustBeCalled(t, err, "Snapshot.Suspect")
	})
}

func TestANewColumnMayBeEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		w.request.Columns = listtest.Columns("id", "userPrincipalName", "companyName")
		w.without(t, "companyName", "null")
		w.publish(t, "new")
		if m := w.mustHold(t, "new"); !slices.Equal(m.EmptyColumns, []string{"companyName"}) || !slices.Equal(m.Select, []string{"id", "userPrincipalName", "companyName"}) {
			t.Errorf("%+v", m)
		}
	})
}

func TestAnOptionalColumnThatIsRefusedIsNotSuspect(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			cfg := simulator.Config{Users: 2000, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}
			w := newWorld(t, cfg)
			w.request.Parallel = parallel
			w.request.Columns = listtest.Columns("id", "displayName", "signInActivity?")
			w.publish(t, "old")
			if m := w.mustHold(t, "old"); len(m.EmptyColumns)+len(m.MissingColumns) > 0 {
				t.Errorf("%+v", m)
			}
			time.Sleep(time.Hour)
			cfg.Roles = nil
			w.move(t, cfg)
			w.publish(t, "new")
			m := w.mustHold(t, "new")
			if !slices.Equal(m.MissingColumns, []string{"signInActivity"}) || len(m.EmptyColumns) > 0 || m.Passes != 1 {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestAColumnThatWasRefusedOnceStaysOut also where the list is begun again in a later
// slice.
func TestAColumnThatWasRefusedOnceStaysOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 800, Latency: time.Second, Faults: listtest.Faults(t, "expired-token:5")})
		w.request.Columns = listtest.Columns("id", "displayName", "signInActivity?")
		asked, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "r"}, 12*time.Second)
		if err != nil || sliceOf(asked) < 2 {
			t.Fatalf("%d slices, %v", sliceOf(asked), err)
		}
		if m := w.mustHold(t, "r"); !slices.Equal(m.MissingColumns, []string{"signInActivity"}) || m.Passes != 2 {
			t.Errorf("%+v", m)
		}
	})
}
