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
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestLeaversWithinTheLimitArePublishedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		f.maxLeavers = tolerance.Tolerance{Users: 3}
		f.deleteUsers(t, 0, 3)
		for range 100 {
			f.tenant.Create()
		}
		f.publish(t, "new")
		if m := f.wantPublished(t, "new"); m.Leavers != 3 {
			t.Errorf("%d leavers", m.Leavers)
		}
		f.deleteUsers(t, 3, 7)
		time.Sleep(time.Hour)
		f.fail(t, f.snapshot(), snapshot.Input{Run: "next"}, noLimit, "Snapshot.Suspect")
		f.wantLatest(t, "new", smallTenant+97)
	})
}

func TestTheFirstListOfATenantIsNotSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 500})
		f.maxLeavers = tolerance.Tolerance{}
		f.publish(t, "first")
		f.wantPublished(t, "first")
	})
}

func TestListsOfDifferentFiltersAreNotCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 1000})
		f.maxLeavers = tolerance.Tolerance{}
		f.publish(t, "all")
		time.Sleep(time.Hour)
		f.request.Filter = "accountEnabled eq false"
		result := f.publish(t, "disabled")
		if result.Users == 0 || result.Users > 500 {
			t.Fatalf("%+v", result)
		}
		if m := f.wantLatest(t, "disabled", result.Users); m.Filter != f.request.Filter || m.Leavers != 0 {
			t.Errorf("%+v", m)
		}
		// The first filter is still compared with its own last list.
		time.Sleep(time.Hour)
		f.request.Filter = ""
		f.deleteUsers(t, 5, 6)
		f.fail(t, f.snapshot(), snapshot.Input{Run: "fewer"}, noLimit, "Snapshot.Suspect")
	})
}

// TestAFilterThatMatchesNobodyIsPublished although there is no part that a table could name.
func TestAFilterThatMatchesNobodyIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 500})
		f.request.Filter = "department eq 'there is no such department'"
		for _, run := range []string{"first", "second"} {
			f.publish(t, run)
			if m := f.wantLatest(t, run, 0); len(m.Objects) != 0 || !m.Verified {
				t.Errorf("%+v", m)
			}
			time.Sleep(time.Hour)
		}
		if users, text := f.table(t, usersKey); users == nil || text != "" {
			t.Errorf("the table of an empty list names %q", text)
		}
	})
}

func TestAListThatCannotBeComparedIsSuspectAndCanBeAccepted(t *testing.T) {
	for name, damage := range map[string]func(f *fixture, key string) error{
		"the ids are gone":    func(f *fixture, key string) error { return f.state.Delete(t.Context(), key) },
		"the ids are changed": func(f *fixture, key string) error { return edit(t, f.state, key, flipByte) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				if err := damage(f, f.stateKeys(t, "/run=old/ids-")[0]); err != nil {
					t.Fatal(err)
				}
				f.fail(t, f.snapshot(), snapshot.Input{Run: "new"}, noLimit, "Snapshot.Suspect", "gone or damaged")
				if err := accept(t, f); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				f.publish(t, "next")
				f.wantPublished(t, "next")
			})
		})
	}
}

// rewriter changes the bodies of lists.
type rewriter struct {
	next    http.RoundTripper
	pattern *regexp.Regexp
	with    string
}

func (w *rewriter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil || !listtest.IsList(r) {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	body = w.pattern.ReplaceAll(body, []byte(w.with))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// emptyColumn puts an empty value in place of each text of a column.
func (f *fixture) emptyColumn(t *testing.T, column, empty string) {
	t.Helper()
	f.setTransport(t, &rewriter{f.tenant.Transport(), regexp.MustCompile(`"` + column + `":"[^"]*"`), `"` + column + `":` + empty})
}

func TestAColumnThatBecomesEmptyIsSuspect(t *testing.T) {
	for _, empty := range []string{"null", `""`, "[]"} {
		synctest.Test(t, func(t *testing.T) {
			f := newPublishedFixture(t)
			f.emptyColumn(t, "department", empty)
			asked, _, err := f.slices(t, f.snapshot(), snapshot.Input{Run: "new"}, sliceLimit(1))
			wantError(t, err, "Snapshot.Suspect")
			if !strings.Contains(err.Error(), "department") || sliceNumber(asked) < 2 {
				t.Errorf("%d slices, %v", sliceNumber(asked), err)
			}
			f.wantLatest(t, "old", smallTenant)
			if err := accept(t, f); err != nil {
				t.Fatal(err)
			}
			if m := f.wantPublished(t, "new"); !slices.Equal(m.EmptyColumns, []string{"department"}) {
				t.Errorf("%+v", m)
			}
			time.Sleep(time.Hour)
			f.publish(t, "next") // the baseline has the column empty now
		})
	}
}

func TestAColumnThatThinsOutIsSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		f.maxColumnLoss = tolerance.Tolerance{Share: 0.5}
		first := f.park(t, f.snapshot(), "new", sliceLimit(1)) // these users have their departments
		f.emptyColumn(t, "department", "null")
		_, _, err := f.slices(t, f.snapshot(), snapshot.Input{Resume: first.Resume}, noLimit)
		wantError(t, err, "Snapshot.Suspect")
		if !strings.Contains(err.Error(), "the column department has a value for about") {
			t.Error(err)
		}
		f.wantLatest(t, "old", smallTenant)
		if err := accept(t, f); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAColumnPopulatedInAnEarlierSliceIsNotEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		first := f.park(t, f.snapshot(), "new", sliceLimit(1))
		f.emptyColumn(t, "department", "null")
		f.complete(t, f.snapshot(), snapshot.Input{Resume: first.Resume}, noLimit)
		if m := f.wantPublished(t, "new"); len(m.EmptyColumns) > 0 {
			t.Errorf("%+v", m)
		}
	})
}

// TestAColumnPopulatedOnlyInADiscardedPassIsEmpty loses the page token after the only users
// with a department.
func TestAColumnPopulatedOnlyInADiscardedPassIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		first := f.park(t, f.snapshot(), "new", sliceLimit(1))
		f.emptyColumn(t, "department", "null")
		f.addFault(t, "expired-token:9x1")
		f.fail(t, f.snapshot(), snapshot.Input{Resume: first.Resume}, noLimit, "Snapshot.Suspect")
	})
}

func TestANewColumnMayBeEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		f.request.Columns = listtest.Columns("id", "userPrincipalName", "companyName")
		f.emptyColumn(t, "companyName", "null")
		f.publish(t, "new")
		if m := f.wantPublished(t, "new"); !slices.Equal(m.EmptyColumns, []string{"companyName"}) || !slices.Equal(m.Select, []string{"id", "userPrincipalName", "companyName"}) {
			t.Errorf("%+v", m)
		}
	})
}

func TestAnOptionalColumnThatBecomesRefusedIsNotSuspect(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			cfg := simulator.Config{Users: 2000, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}
			f := newFixture(t, cfg)
			f.request.Parallel, f.request.Columns = parallel, listtest.Columns("id", "displayName", "signInActivity?")
			f.publish(t, "old")
			if m := f.wantPublished(t, "old"); len(m.EmptyColumns)+len(m.MissingColumns) > 0 {
				t.Errorf("%+v", m)
			}
			time.Sleep(time.Hour)
			cfg.Roles = nil
			f.setTenant(t, cfg)
			f.publish(t, "new")
			m := f.wantPublished(t, "new")
			if !slices.Equal(m.MissingColumns, []string{"signInActivity"}) || len(m.EmptyColumns) > 0 || m.Passes != 1 {
				t.Errorf("%+v", m)
			}
		})
	}
}
