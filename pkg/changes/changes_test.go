package changes_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// bubble runs a test with a tenant of so many users in a bubble of virtual time.
func bubble(t *testing.T, cfg simulator.Config, test func(t *testing.T, f *fixture)) {
	t.Helper()
	cfg.TokenLifetime = 100000 * time.Hour
	synctest.Test(t, func(t *testing.T) { test(t, newFixture(t, cfg)) })
}

func TestTheFirstRunPublishesNothingUnlessItIsToldTo(t *testing.T) {
	bubble(t, simulator.Config{Users: 500}, func(t *testing.T, f *fixture) {
		if r := f.run(t, changes.Input{}); r.Kind != changes.Baseline || r.Users != 500 || len(f.buses[0].events) > 0 {
			t.Errorf("%+v, %d events", r, len(f.buses[0].events))
		}
		f.wantClean(t)
	})
	bubble(t, simulator.Config{Users: 500}, func(t *testing.T, f *fixture) {
		if r := f.run(t, changes.Input{Baseline: "emit"}); r.Created != 500 {
			t.Errorf("%+v", r)
		}
		c := newConsumer()
		c.consume(t, f.buses[0].take())
		f.wantSame(t, c)
		f.wantClean(t)
	})
}

func TestAQuietRoundIsOneRequestAndOneReadOfThePointer(t *testing.T) {
	bubble(t, simulator.Config{Users: 500}, func(t *testing.T, f *fixture) {
		f.run(t, changes.Input{})
		f.tenant.ForgetRequests()
		calls := len(f.state.Calls())
		if r := f.run(t, changes.Input{}); r.Kind != changes.Round || r.Users != 500 {
			t.Errorf("%+v", r)
		}
		if n := len(f.tenant.Requests()); n != 1 {
			t.Errorf("%d requests to Graph", n)
		}
		if made := f.state.Calls()[calls:]; len(made) != 1 || made[0].Op != "read" || !strings.HasSuffix(made[0].Key, "pointer.json") {
			t.Errorf("%v", made)
		}
	})
}

func TestEventsSayWhatWas(t *testing.T) {
	bubble(t, simulator.Config{Users: 50}, func(t *testing.T, f *fixture) {
		must(t, f.tenant.SetDepartment(7, "IT"))
		f.run(t, changes.Input{})
		for _, step := range []struct {
			do   func() error
			want string
			data string
		}{
			{func() error { return f.tenant.SetDepartment(7, "Legal") }, "updated", `"changed":["department"],"before":{"department":"IT"}}`},
			{func() error { return f.tenant.SetDepartment(7, "") }, "updated", `"changed":["department"],"before":{"department":"Legal"}}`},
			{func() error { return f.tenant.SetDepartment(7, "Ops") }, "updated", `"changed":["department"],"before":{"department":null}}`},
			{func() error { return f.tenant.Delete(7) }, "deleted", `"department":"Ops"`},
			{func() error { return f.tenant.Restore(7) }, "restored", `"department":"Ops"`},
			{func() error { must(t, f.tenant.Delete(7)); return f.tenant.Purge(7) }, "deleted purged", `"department":"Ops"`},
			{func() error { f.tenant.Create(); return nil }, "created", `{"user":{"id":"` + f.tenant.ID(50) + `"`},
			{func() error { must(t, f.tenant.Delete(8)); return f.tenant.Restore(8) }, "", ""},
			{func() error { return f.tenant.Delete(9) }, "deleted", ""},
			{func() error { return f.tenant.Purge(9) }, "purged", `"displayName":`},
		} {
			must(t, step.do())
			f.run(t, changes.Input{})
			events := f.buses[0].take()
			if types(events) != step.want {
				t.Fatalf("%s, want %s", types(events), step.want)
			}
			for _, e := range events {
				if !strings.Contains(string(e.Data), step.data) || e.Source != "urn:rollcall:tenant:"+tenantID || len(e.Sequence) != 20 || e.Time.IsZero() {
					t.Errorf("%s: %+v, want %s", e.Data, e, step.data)
				}
			}
			time.Sleep(time.Minute)
		}
		f.wantClean(t)
	})
}
