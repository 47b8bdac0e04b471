package azure_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

// timer is what the host sends for one.
func timer(t *testing.T, late bool) string {
	t.Helper()
	return envelope(t, map[string]any{
		"Schedule": map[string]any{"AdjustForDST": true}, "ScheduleStatus": map[string]any{"Last": "0001-01-01T00:00:00", "Next": "2026-11-29T02:00:00+00:00", "LastUpdated": "0001-01-01T00:00:00"},
		"IsPastDue": late,
	}, map[string]any{"sys": map[string]any{"MethodName": "due"}})
}

func TestATimerAsksForJobsByMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		var err error
		inputs := []input{{"a", 1}, {"b", 2}}
		a := open(t, azure.Settings{}, folder{"due/function.json": queued}, func(log *slog.Logger) map[string]azure.Function {
			return map[string]azure.Function{"due": &azure.Timer[input]{Output: "jobs", Log: log, Due: func(_ context.Context, now time.Time) ([]input, error) {
				at = append(at, now)
				return inputs, err
			}}}
		})
		got := a.invoke(t, "due", timer(t, false))
		if diff := cmp.Diff([]string{`{"run":"a","n":1}`, `{"run":"b","n":2}`}, got.messages(t, "jobs")); diff != "" || got.status != http.StatusOK {
			t.Errorf("%+v: %s", got, diff)
		}
		// Timers of two hosts go off at nearly the same time.
		time.Sleep(29 * time.Second)
		a.invoke(t, "due", timer(t, true))
		time.Sleep(50 * time.Second)
		a.invoke(t, "due", timer(t, true))
		if !at[0].Equal(at[1]) || at[2].Sub(at[0]) != time.Minute || at[0].Second() != 0 || at[0].Location() != time.UTC {
			t.Errorf("%v", at)
		}
		inputs = nil
		if got := a.invoke(t, "due", timer(t, false)); got.status != http.StatusOK || string(got.Outputs["jobs"]) != "[]" {
			t.Errorf("nothing is due: %+v", got)
		}
		err = errors.New("the tenants file is gone")
		if got := a.invoke(t, "due", timer(t, false)); got.status != http.StatusInternalServerError || len(got.Outputs) > 0 || !strings.Contains(a.log.String(), `"level":"ERROR"`) {
			t.Errorf("%+v: %s", got, a.log)
		}
		err = nil
		for _, data := range []any{7, "x", []any{}, map[string]any{"IsPastDue": "never"}} {
			calls := len(at)
			if got := a.invoke(t, "due", envelope(t, data, nil)); got.status != http.StatusInternalServerError || len(at) != calls {
				t.Errorf("%v: %+v", data, got)
			}
		}
	})
}
