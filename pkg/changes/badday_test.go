package changes_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestTooManyLeaversAreSuspectUntilTheyAreAcceptedByName(t *testing.T) {
	for name, c := range map[string]struct {
		wait time.Duration
		swap bool
		in   changes.Input
	}{
		"in a round":                             {},
		"in a resync":                            {wait: 8 * 24 * time.Hour},
		"in a reconcile":                         {in: changes.Input{Resync: true}},
		"in a round that swaps them one for one": {swap: true},
		"in a resync that swaps":                 {swap: true, wait: 8 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simulator.Config{Users: 400}, func(t *testing.T, f *fixture) {
				f.leavers = tolerance.Tolerance{Share: 0.01}
				consumer := newConsumer()
				f.run(t, changes.Input{Baseline: "emit"})
				leavers := 160
				if c.swap {
					leavers = 20
				}
				for i := range leavers {
					must(t, f.tenant.Delete(i))
					if c.swap {
						f.tenant.Create()
					}
				}
				time.Sleep(time.Minute + c.wait)
				err := f.errorOf(t, c.in, "Snapshot.Suspect")
				var suspect *changes.SuspectError
				if !errors.As(err, &suspect) || !strings.Contains(err.Error(), suspect.Run) {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Hour)
				if again := f.errorOf(t, c.in, "Snapshot.Suspect"); again.Error() != err.Error() {
					t.Errorf("the name has changed: %v", again)
				}
				f.fail(t, changes.Input{Accept: "nobody"}, "Request.Invalid")
				if n := len(f.buses[0].take()); n != 400 {
					t.Errorf("%d events", n)
				}
				f.run(t, changes.Input{Accept: suspect.Run})
				consumer.users = f.usersOf(t, consumer, f.buses[0].take(), leavers)
				f.fail(t, changes.Input{Accept: suspect.Run}, "Request.Invalid")
				f.run(t, changes.Input{})
				f.wantClean(t)
			})
		})
	}
}

// usersOf fails the test unless so many users were deleted.
func (f *fixture) usersOf(t *testing.T, c *consumer, events []bus.Event, deleted int) map[string]user {
	t.Helper()
	if n := strings.Count(types(events), "deleted"); n != deleted {
		t.Errorf("%d deleted, want %d", n, deleted)
	}
	c.consume(t, events)
	return c.users
}

func TestAMistakeThatWasPutRightIsPublishedNowhere(t *testing.T) {
	bubble(t, simulator.Config{Users: 200}, func(t *testing.T, f *fixture) {
		f.leavers = tolerance.Tolerance{Share: 0.01}
		f.run(t, changes.Input{})
		for i := range 50 {
			must(t, f.tenant.Delete(i))
		}
		f.fail(t, changes.Input{}, "Snapshot.Suspect")
		for i := range 50 {
			must(t, f.tenant.Restore(i))
		}
		f.run(t, changes.Input{})
		if len(f.buses[0].events) > 0 {
			t.Error(types(f.buses[0].events))
		}
		f.wantClean(t)
	})
}

func TestWhatTheFeedHasDroppedIsRepairedAndCounted(t *testing.T) {
	bubble(t, simulator.Config{Users: 100}, func(t *testing.T, f *fixture) {
		f.reconcile = 24 * time.Hour
		c := newConsumer()
		f.run(t, changes.Input{Baseline: "emit"})
		f.addFault(t, "delta-drop:3x1")
		must(t, f.tenant.Delete(4), f.tenant.SetDepartment(5, "X"))
		f.run(t, changes.Input{})
		must(t, f.tenant.SetDepartment(6, "X"))
		f.run(t, changes.Input{})
		time.Sleep(25 * time.Hour)
		must(t, f.tenant.SetDepartment(7, "X"))
		r := f.run(t, changes.Input{})
		c.consume(t, f.buses[0].take())
		f.wantSame(t, c)
		if r.Kind != changes.Reconcile || r.Drift != 1 {
			t.Errorf("%+v", r)
		}
		time.Sleep(25 * time.Hour)
		must(t, f.tenant.SetDepartment(7, "Y"))
		if r := f.run(t, changes.Input{}); r.Kind != changes.Reconcile || r.Drift != 0 || r.Updated != 1 {
			t.Errorf("%+v", r)
		}
	})
}

func TestABusThatIsDownForADayGetsEverythingAfterwards(t *testing.T) {
	bubble(t, simulator.Config{Users: 100}, func(t *testing.T, f *fixture) {
		f.buses = append(f.buses, &fakeBus{})
		consumers := []*consumer{newConsumer(), newConsumer()}
		f.run(t, changes.Input{Baseline: "emit"})
		f.buses[0].down = &store.Error{Op: "send", URL: "bus", Err: errKilled}
		for i := range 24 {
			must(t, f.tenant.SetDepartment(i, "X"), f.tenant.SetDepartment(50, [...]string{"A", "B"}[i%2]))
			f.fail(t, changes.Input{}, "Sink.Failed")
			time.Sleep(time.Hour)
		}
		f.buses[0].down = nil
		f.run(t, changes.Input{})
		for i, c := range consumers {
			c.consume(t, f.buses[i].take())
			f.wantSame(t, c)
		}
	})
}

func TestFurtherColumnsAreReadWithoutLosingChanges(t *testing.T) {
	bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
		f.run(t, changes.Input{})
		all := f.request.Columns
		must(t, f.tenant.SetDepartment(3, "X"), f.tenant.Delete(4))
		f.request.Columns = append(slices.Clone(all), listtest.Columns("jobTitle")...)
		r := f.run(t, changes.Input{})
		if got := types(f.buses[0].take()); r.Kind != changes.Reselect || r.Updated != 1 || r.Deleted != 1 {
			t.Errorf("%+v %s", r, got)
		}
		f.request.Columns = listtest.Columns("id", "displayName", "department", "jobTitle") // fewer
		must(t, f.tenant.SetDepartment(5, "Y"), f.tenant.Rename(6, "someone.else@contoso.example"))
		r = f.run(t, changes.Input{})
		events := f.buses[0].take()
		if r.Kind != changes.Round || r.Updated != 2 || strings.Contains(string(events[0].Data), "mail") {
			t.Errorf("%+v %s", r, events[0].Data)
		}
		f.request.Columns = append(slices.Clone(all), listtest.Columns("jobTitle")...)
		if r = f.run(t, changes.Input{}); r.Kind != changes.Reselect || r.Updated != 0 || r.Users != 59 {
			t.Errorf("%+v", r)
		}
		must(t, f.tenant.SetDepartment(7, "Z"))
		if f.run(t, changes.Input{}); !strings.Contains(string(f.buses[0].take()[0].Data), `"jobTitle":`) {
			t.Error("the further column is missing")
		}
	})
}

func TestStateThatIsNewerOrDamagedIsLeftAlone(t *testing.T) {
	for name, damage := range map[string]func(body string) string{
		"newer":     func(body string) string { return strings.Replace(body, `"version":1`, `"version":4`, 1) },
		"empty":     func(string) string { return "" },
		"null":      func(string) string { return "null" },
		"cut":       func(body string) string { return body[:len(body)/2] },
		"elsewhere": func(body string) string { return strings.Replace(body, "changes/", "run=x/", 1) },
		"unknown":   func(body string) string { return strings.Replace(body, `"turn"`, `"turns"`, 1) },
		"negative":  func(body string) string { return strings.Replace(body, `"users":`, `"users":-`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
				f.run(t, changes.Input{})
				key := "tenant=" + tenantID + "/changes/pointer.json"
				body, version, err := f.memory.Read(t.Context(), key)
				must(t, err)
				damaged := []byte(damage(string(body)))
				_, err = f.memory.Swap(t.Context(), key, damaged, version)
				must(t, err, f.tenant.Delete(3))
				err = f.errorOf(t, changes.Input{}, "State.Invalid")
				if after, _, _ := f.memory.Read(t.Context(), key); string(after) != string(damaged) || !strings.Contains(err.Error(), "pointer.json") {
					t.Errorf("%v", err)
				}
			})
		})
	}
	bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
		f.run(t, changes.Input{})
		for _, key := range f.memory.Keys() {
			if strings.HasSuffix(key, "/"+f.tenant.ID(3)[:2]) {
				must(t, f.memory.Delete(t.Context(), key))
			}
		}
		must(t, f.tenant.Delete(3))
		f.fail(t, changes.Input{}, "State.Invalid")
	})
}

func TestOfTwoRunsAtOnceOnePublishes(t *testing.T) {
	bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
		c := newConsumer()
		f.run(t, changes.Input{Baseline: "emit"})
		must(t, f.tenant.Delete(3), f.tenant.SetDepartment(4, "X"))
		swaps := 0
		f.state.Before = func(op, _ string) error {
			if op != "swap" {
				return nil
			}
			if swaps++; swaps == 1 { // the other one comes first
				f.run(t, changes.Input{})
				if got := types(f.buses[0].events[60:]); len(strings.Fields(got)) != 2 {
					t.Error(got)
				}
			}
			return nil
		}
		f.fail(t, changes.Input{}, "State.Conflict")
		f.state.Before = nil
		if n := len(f.buses[0].events); n != 62 {
			t.Errorf("%d events", n)
		}
		c.consume(t, f.buses[0].take())
		f.wantSame(t, c)
	})
}

func TestAChangeDuringARunIsPublishedByIt(t *testing.T) {
	bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
		f.run(t, changes.Input{})
		must(t, f.tenant.Delete(3))
		once := false
		f.buses[0].after = func(string) error {
			if !once {
				once = true
				must(t, f.tenant.Delete(4))
			}
			return nil
		}
		if r := f.run(t, changes.Input{}); r.Deleted != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestATenantWithoutDeltaQueriesIsPointedToSnapshots(t *testing.T) {
	for _, cfg := range []simulator.Config{{Users: 60, B2C: true}, {Users: 60, NoDelta: true}} {
		bubble(t, cfg, func(t *testing.T, f *fixture) {
			var none *changes.NoDeltaError
			if err := f.errorOf(t, changes.Input{}, "Config.Invalid"); !errors.As(err, &none) || !strings.Contains(err.Error(), "snapshots") {
				t.Error(err)
			}
			if len(f.memory.Keys()) > 0 {
				t.Error(f.memory.Keys())
			}
		})
	}
	bubble(t, simulator.Config{Users: 60, Roles: []string{"User.ReadBasic.All"}}, func(t *testing.T, f *fixture) {
		f.fail(t, changes.Input{}, "Graph.AccessDenied")
	})
}

func TestAColumnThatIsNotTrackedIsAnErrorUnlessItIsOptional(t *testing.T) {
	bubble(t, simulator.Config{Users: 60, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}, func(t *testing.T, f *fixture) {
		f.request.Columns = listtest.Columns("id", "displayName", "signInActivity")
		if err := f.errorOf(t, changes.Input{}, "Config.Invalid"); !strings.Contains(err.Error(), "signInActivity") {
			t.Error(err)
		}
		f.request.Columns = listtest.Columns("id", "displayName", "signInActivity?")
		if r := f.run(t, changes.Input{}); !slices.Equal(r.MissingColumns, []string{"signInActivity"}) || r.Users != 60 {
			t.Errorf("%+v", r)
		}
		if r := f.run(t, changes.Input{}); r.Kind != changes.Round {
			t.Errorf("%+v", r)
		}
	})
}

func TestAFilterIsRefused(t *testing.T) {
	bubble(t, simulator.Config{Users: 6}, func(t *testing.T, f *fixture) {
		f.request.Filter = "accountEnabled eq true"
		f.fail(t, changes.Input{}, "Config.Invalid")
		f.request.Filter = ""
		f.fail(t, changes.Input{Baseline: "all"}, "Request.Invalid")
	})
}

func TestAbsentUsersAreAskedForBeforeTheyAreTakenForDeleted(t *testing.T) {
	bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
		f.run(t, changes.Input{})
		time.Sleep(8 * 24 * time.Hour)
		must(t, f.tenant.Delete(7))
		r, err := f.feed().Run(context.Background(), changes.Input{})
		if err != nil || r.Kind != changes.Resync || r.Deleted != 1 {
			t.Fatalf("%+v, %v, %v", r, err, failure.Of(err).Name)
		}
		batches := 0
		for _, q := range f.tenant.Requests() {
			if q.Kind == "batch" {
				batches++
			}
		}
		if batches == 0 {
			t.Error("nobody was asked for")
		}
	})
}

func TestALongPublicationGoesOnInTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 300, TokenLifetime: 100000 * time.Hour})
		f.buses[0].before = func(string) error {
			time.Sleep(time.Second)
			return nil
		}
		c := newConsumer()
		runs := 0
		for more := true; more; runs++ {
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			r, err := f.feed().Run(ctx, changes.Input{Baseline: "emit"})
			cancel()
			if err != nil || runs > 20 {
				t.Fatal(err)
			}
			more = r.Status == changes.Continue
		}
		if runs < 3 || len(f.buses[0].events) != 300 {
			t.Errorf("%d runs, %d events", runs, len(f.buses[0].events))
		}
		c.consume(t, f.buses[0].take())
		f.wantSame(t, c)
	})
}

// The link that is kept is never sent elsewhere: a pointer could have been forged.
func TestALinkToAnotherGraphHostIsNotFollowedAndEverybodyIsCompared(t *testing.T) {
	for _, host := range []string{"graph.elsewhere.example", "graph.microsoft.com:8443", "kim@graph.microsoft.com"} {
		for want, in := range map[string]changes.Input{changes.Resync: {}, changes.Reconcile: {Resync: true}} {
			bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
				c := newConsumer()
				f.run(t, changes.Input{Baseline: "emit"})
				key := "tenant=" + tenantID + "/changes/pointer.json"
				body, version, err := f.memory.Read(t.Context(), key)
				must(t, err)
				moved := regexp.MustCompile(`"link":"https://[^/]+/`).ReplaceAll(body, []byte(`"link":"https://`+host+`/`))
				_, err = f.memory.Swap(t.Context(), key, moved, version)
				must(t, err, f.tenant.Delete(3), f.tenant.SetDepartment(4, "X"))
				if string(moved) == string(body) {
					t.Fatalf("no link in %s", body)
				}
				if r := f.run(t, in); r.Kind != want || r.Deleted != 1 || r.Updated != 1 {
					t.Errorf("%+v", r)
				}
				c.consume(t, f.buses[0].take())
				f.wantSame(t, c)
				must(t, f.tenant.Delete(5))
				if r := f.run(t, changes.Input{}); r.Kind != changes.Round || r.Deleted != 1 {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}

func TestChangesArePublishedThoughTheRegularListDoesNotAddUp(t *testing.T) {
	bubble(t, simulator.Config{Users: 60}, func(t *testing.T, f *fixture) {
		f.request.PageSize = 20
		f.run(t, changes.Input{Baseline: "emit"})
		f.addFault(t, "early-end:1x*")
		for i := range 3 {
			must(t, f.tenant.SetDepartment(i, "X"))
			f.fail(t, changes.Input{Resync: true}, "Snapshot.Incomplete")
			if n := len(f.buses[0].events); n != 60+i+1 {
				t.Errorf("%d events", n)
			}
		}
	})
}
