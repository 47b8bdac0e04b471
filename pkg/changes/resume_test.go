package changes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestASuspectComparisonIsAcceptedThoughItIsParked(t *testing.T) {
	for _, late := range []bool{false, true} {
		bubble(t, slow(600), func(t *testing.T, f *fixture) {
			f.leavers, f.request.PageSize = tolerance.Tolerance{Share: 0.01}, 50
			f.run(t, changes.Input{})
			for i := range 100 {
				must(t, f.tenant.Delete(i))
			}
			f.state.Before = slowShards
			r, err := f.limited(t, changes.Input{Resync: true}, 10*time.Second)
			for err == nil && r.Status == changes.Continue {
				r, err = f.limited(t, changes.Input{}, 10*time.Second)
			}
			var suspect *changes.SuspectError
			if !errors.As(err, &suspect) || f.parked(t) != "" {
				t.Fatalf("%v, %q is parked", err, f.parked(t))
			}
			f.state.Before = nil
			time.Sleep(2 * time.Hour)
			in, then := changes.Input{Accept: suspect.Run}, changes.Input{Resync: true}
			if late { // accepted once the comparison is parked
				in, then = then, in
			}
			if r, err := f.limited(t, in, 10*time.Second); err != nil || r.Status != changes.Continue || f.parked(t) == "" {
				t.Fatalf("%+v %v", r, err)
			}
			if late {
				f.fail(t, changes.Input{Accept: "nobody"}, "Request.Invalid")
			}
			r = f.run(t, then)
			if r.Deleted != 100 || r.Kind != changes.Reconcile {
				t.Errorf("%+v", r)
			}
			f.wantClean(t)
		})
	}
}

func TestOtherColumnsBeginAParkedComparisonAnew(t *testing.T) {
	for name, c := range map[string]struct {
		in      changes.Input
		columns string
		kind    string
	}{
		"further columns in a reconcile": {changes.Input{Resync: true}, "id displayName department mail jobTitle", changes.Reselect},
		"fewer columns in a reconcile":   {changes.Input{Resync: true}, "id displayName department", changes.Reconcile},
		"an optional column":             {changes.Input{Resync: true}, "id displayName department mail?", changes.Reconcile},
		"further columns in a baseline":  {changes.Input{Baseline: "emit"}, "id displayName department mail jobTitle", changes.Baseline},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, slow(600), func(t *testing.T, f *fixture) {
				f.request.Columns, f.request.PageSize = listtest.Columns("id", "displayName", "department", "mail"), 50
				consumer := newConsumer()
				if c.kind != changes.Baseline {
					f.run(t, changes.Input{Baseline: "emit"})
				}
				must(t, f.tenant.SetDepartment(3, "X"), f.tenant.Delete(4))
				if r, err := f.limited(t, c.in, 10*time.Second); err != nil || r.Status != changes.Continue {
					t.Fatalf("%+v %v", r, err)
				}
				f.request.Columns = listtest.Columns(strings.Fields(c.columns)...)
				r := f.run(t, changes.Input{})
				if r.Kind != c.kind || r.Users != 599 {
					t.Errorf("%+v", r)
				}
				for i := range 600 { // an event with all columns for everybody
					_ = f.tenant.SetDepartment(i, "Z")
				}
				f.run(t, changes.Input{})
				consumer.consume(t, f.buses[0].take())
				f.wantSame(t, consumer)
				f.wantClean(t)
			})
		})
	}
}

// TestAComparisonThatWasParkedForTooLongIsStillRight parks a comparison at every step until
// all tokens have expired.
func TestAComparisonThatWasParkedForTooLongIsStillRight(t *testing.T) {
	for _, kind := range []string{changes.Baseline, changes.Reconcile} {
		for parks := range 6 {
			cfg := slow(400)
			cfg.TokenMaxAge = 24 * time.Hour
			bubble(t, cfg, func(t *testing.T, f *fixture) {
				f.request.PageSize = 50
				c, in, n := newConsumer(), changes.Input{Baseline: "emit"}, 0
				if kind == changes.Reconcile {
					f.run(t, in)
					in.Resync = true
				}
				for i := range 130 {
					must(t, f.tenant.SetDepartment(i, "X"), f.tenant.Delete(i+130))
				}
				r, _ := f.slices(t, in, 15*time.Second, func() {
					must(t, f.tenant.SetDepartment(270+n, "X"), f.tenant.Delete(300+n))
					if n++; n == parks {
						time.Sleep(8 * 24 * time.Hour)
					}
				})
				c.consume(t, f.buses[0].take())
				if r.Kind != kind {
					t.Errorf("%+v", r)
				}
				f.settle(t, changes.Input{})
				c.consume(t, f.buses[0].take())
				f.wantSame(t, c)
				f.wantClean(t)
				if t.Failed() {
					t.Logf("%s, expired after %d slices", kind, parks)
				}
			})
		}
	}
}

// TestAComparisonWhoseTokensAlwaysExpireEnds with an error rather than going on for ever,
// whichever tokens they are.
func TestAComparisonWhoseTokensAlwaysExpireEnds(t *testing.T) {
	for _, first := range []bool{true, false} {
		bubble(t, slow(400), func(t *testing.T, f *fixture) {
			f.request.PageSize = 50
			for i := range 130 {
				must(t, f.tenant.Delete(i))
			}
			for slices := 1; ; slices++ {
				r, err := f.limited(t, changes.Input{Baseline: "emit"}, 10*time.Second)
				if err != nil {
					if f.parked(t) != "" || slices < 5 {
						t.Errorf("after %d slices: %v, %q is parked", slices, err, f.parked(t))
					}
					break
				}
				if slices > 60 || r.Status == changes.Complete {
					t.Fatalf("%d slices, %+v", slices, r)
				}
				for i := range 260 { // so that there is more than one page of changes
					_ = f.tenant.SetDepartment(i+130, [...]string{"X", "Y"}[slices%2])
				}
				if step := f.parked(t); first || step == "draining" || step == "deletedItems" {
					time.Sleep(8 * 24 * time.Hour)
				}
			}
		})
	}
}

func TestPiecesThatAreLostOrDamagedBeginTheComparisonAnew(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, f *fixture, key string){
		"lost": func(t *testing.T, f *fixture, key string) {
			t.Helper()
			must(t, f.memory.Delete(t.Context(), key))
		},
		"damaged": func(t *testing.T, f *fixture, key string) {
			t.Helper()
			must(t, store.Update(t.Context(), f.memory, key, func(old []byte) ([]byte, error) {
				old[len(old)/2]++
				return old, nil
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, slow(600), func(t *testing.T, f *fixture) {
				f.request.PageSize = 50
				in := changes.Input{Baseline: "emit"}
				_, err := f.limited(t, in, 10*time.Second)
				must(t, err)
				n := 0
				for _, key := range f.memory.Keys() {
					if strings.Contains(key, "/spill-") {
						damage(t, f, key)
						n++
					}
				}
				if n == 0 {
					t.Fatal("nothing was kept")
				}
				f.slices(t, in, 10*time.Second, func() {})
				c := newConsumer()
				c.consume(t, f.buses[0].take())
				f.wantSame(t, c)
				f.wantClean(t)
			})
		})
	}
}

// TestLinksToAnotherHostBeginTheComparisonAnew at each step: the host that is configured is
// another one now, or somebody has forged the pointer.
func TestLinksToAnotherHostBeginTheComparisonAnew(t *testing.T) {
	for moved := range 5 {
		bubble(t, slow(400), func(t *testing.T, f *fixture) {
			f.request.PageSize = 50
			for i := range 130 {
				must(t, f.tenant.Delete(i))
			}
			n, c, in := 0, newConsumer(), changes.Input{Baseline: "emit"}
			f.slices(t, in, 12*time.Second, func() {
				for i := range 260 {
					_ = f.tenant.SetDepartment(i+130, [...]string{"X", "Y"}[n%2])
				}
				if n++; n == moved+1 {
					must(t, store.Update(t.Context(), f.memory, pointerName, func(old []byte) ([]byte, error) {
						return bytes.ReplaceAll(old, []byte("https://graph.microsoft.com/"), []byte("https://graph.elsewhere.example/")), nil
					}))
				}
			})
			f.run(t, in)
			c.consume(t, f.buses[0].take())
			f.wantSame(t, c)
			f.wantClean(t)
			for _, q := range f.tenant.Requests() {
				if q.Host == "graph.elsewhere.example" {
					t.Errorf("the link was followed: %+v", q)
				}
			}
		})
	}
}

func TestOfTwoRunsThatGoOnWithAComparisonOneDoes(t *testing.T) {
	bubble(t, slow(600), func(t *testing.T, f *fixture) {
		f.request.PageSize = 50
		in := changes.Input{Baseline: "emit"}
		_, err := f.limited(t, in, 10*time.Second)
		must(t, err)
		once := false
		f.state.Before = func(op, key string) error {
			if !once && strings.Contains(key, "/spill-") { // the other one comes first
				once = true
				f.run(t, in)
			}
			return nil
		}
		f.fail(t, in, "State.Conflict")
		f.state.Before = nil
		c := newConsumer()
		c.consume(t, f.buses[0].take())
		f.wantSame(t, c)
		f.wantClean(t)
	})
}

// TestOnlyAParkedComparisonNeedsThisVersion says what an older version goes on to read.
func TestOnlyAParkedComparisonNeedsThisVersion(t *testing.T) {
	version := func(t *testing.T, f *fixture) (p struct{ Version int }) {
		t.Helper()
		body, _, err := f.memory.Read(t.Context(), pointerName)
		must(t, err, json.Unmarshal(body, &p))
		return p
	}
	bubble(t, slow(600), func(t *testing.T, f *fixture) {
		f.request.PageSize = 50
		_, err := f.limited(t, changes.Input{}, 10*time.Second)
		must(t, err)
		if v := version(t, f); v.Version != 2 {
			t.Errorf("parked: %+v", v)
		}
		f.run(t, changes.Input{})
		if v := version(t, f); v.Version != 1 {
			t.Errorf("at its end: %+v", v)
		}
	})
}
