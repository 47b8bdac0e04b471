package baseline_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

const tenantID = "11111111-2222-4333-8444-555555555555"

// record is the record of a run that started so many hours after the first one.
func record(run string, hours int) baseline.Record {
	startedAt := time.Date(2026, 11, 22, 2+hours, 15, 0, 0, time.UTC)
	return baseline.Record{Run: run, StartedAt: startedAt, Users: 1, IDs: []baseline.IDs{{Key: "ids-of-" + run, Users: 1}}}
}

func TestOnlyANewerRunReplacesTheBaseline(t *testing.T) {
	for name, c := range map[string]struct {
		run      string
		hours    int
		replaces bool
	}{
		"a later run":                          {"a", 1, true},
		"an earlier run":                       {"z", -1, false},
		"the same instant and a greater name":  {"n", 0, true},
		"the same instant and a smaller name":  {"l", 0, false},
		"the same run, as after a lost answer": {"m", 0, false},
	} {
		b := baseline.New(storetest.NewMemory(), tenantID, "")
		if obsolete, err := b.Replace(t.Context(), record("m", 0)); err != nil || len(obsolete) > 0 {
			t.Fatalf("%s: the first run: %v, %v", name, obsolete, err)
		}
		obsolete, err := b.Replace(t.Context(), record(c.run, c.hours))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, wantObsolete := record("m", 0), []baseline.IDs(nil)
		if c.replaces {
			want, wantObsolete = record(c.run, c.hours), want.IDs
		}
		got, err := b.Load(t.Context())
		if err != nil || got.Run != want.Run || !got.StartedAt.Equal(want.StartedAt) || !slices.Equal(got.IDs, want.IDs) || !slices.Equal(obsolete, wantObsolete) {
			t.Errorf("%s: %+v, %v obsolete, %v; want run %s", name, got, obsolete, err, want.Run)
		}
	}
}

func TestEachTenantAndFilterHasABaselineOfItsOwn(t *testing.T) {
	memory := storetest.NewMemory()
	if _, err := baseline.New(memory, tenantID, "").Replace(t.Context(), record("a", 0)); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*baseline.Baseline{
		baseline.New(memory, tenantID, "accountEnabled eq true"),
		baseline.New(memory, strings.Replace(tenantID, "1", "9", 1), ""),
	} {
		if r, err := other.Load(t.Context()); r != nil || err != nil {
			t.Errorf("another one's baseline is %+v, %v", r, err)
		}
	}
}

func TestAnUnreadableBaselineIsAnErrorThatNamesIt(t *testing.T) {
	for _, body := range []string{
		"", "[]", "{}", "null", `{"version":2}`,
		`{"version":1,"run":"a","users":1000,"ids":null}`,
		`{"version":1,"run":"a","users":1000,"ids":[]}`,
		`{"version":1,"run":"a","users":1000,"ids":[null]}`,
		`{"version":1,"run":"a","users":1000,"ids":[{"key":"ids-a","users":999}]}`,
		`{"version":1,"run":"a","users":0,"ids":[{"key":"ids-a","users":1},{"key":"ids-b","users":-1}]}`,
		`{"version":1,"run":"a","users":1,"ids":[{"key":"../ids-a","users":1}]}`,
		`{"version":1,"run":"","users":1,"ids":[{"key":"ids-a","users":1}]}`,
		`{"version":1,"run":"a","users":1e99,"ids":[{"key":"ids-a","users":1e99}]}`,
	} {
		memory := storetest.NewMemory()
		b := baseline.New(memory, tenantID, "")
		if _, err := b.Replace(t.Context(), record("a", 0)); err != nil {
			t.Fatal(err)
		}
		key := memory.Keys()[0]
		if err := store.Update(t.Context(), memory, key, func([]byte) ([]byte, error) { return []byte(body), nil }); err != nil {
			t.Fatal(err)
		}
		_, loadErr := b.Load(t.Context())
		_, replaceErr := b.Replace(t.Context(), record("b", 1))
		for _, err := range []error{loadErr, replaceErr} {
			var state *store.StateError
			if !errors.As(err, &state) || state.Name() != "State.Invalid" || state.URL != memory.URL(key) {
				t.Errorf("%q: %v", body, err)
			}
		}
	}
}
