package azure_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

// metered keeps the figures of each invocation.
func metered(job string, all *[]map[telemetry.Metric]float64) *trigger.Meter {
	return &trigger.Meter{Job: job, Emit: func(_ context.Context, f *telemetry.Figures) { *all = append(*all, f.Values()) }}
}

func TestEachJobOfAQueueHasItsFigures(t *testing.T) {
	for name, row := range map[string]struct {
		body   string
		err    error
		failed float64
	}{
		"done":               {`{"run":"a"}`, nil, 0},
		"failed":             {`{"run":"a"}`, &failure.Named{Public: "Sink.Failed"}, 1},
		"done by another":    {`{"run":"a"}`, &failure.Named{Public: "State.Conflict"}, 0},
		"not understood":     {`{"runn":"a"}`, nil, 1},
		"somebody's mistake": {`nonsense`, nil, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var all []map[telemetry.Metric]float64
			w := worker{err: row.err, takes: time.Second}
			a := open(t, azure.Settings{}, folder{"host.json": "{}", "run/function.json": queued}, func(log *slog.Logger) map[string]azure.Function {
				return map[string]azure.Function{"run": &azure.Queue[input, output]{
					Do: w.do, Output: "next", Delay: time.Minute, Log: log, Meter: metered(telemetry.JobChanges, &all),
					Next: func(in input, _ *output) (input, bool) { return in, false },
				}}
			})
			a.invoke(t, "run", message(t, row.body, 1, time.Now()))
			if len(all) != 1 || all[0][telemetry.Failed] != row.failed || len(w.asked) > 0 && all[0][telemetry.Duration] != 1000 {
				t.Errorf("%s: %v", name, all)
			}
			// What a job has done that began later is no job.
			if a.invoke(t, "run", message(t, row.body, 1, time.Now().Add(-time.Hour))); row.err == nil && row.failed == 0 && len(all) != 1 {
				t.Errorf("%s: %v", name, all)
			}
		})
	}
}

func TestEachRequestHasItsFiguresWhicheverWayItComes(t *testing.T) {
	var all []map[telemetry.Metric]float64
	a := open(t, azure.Settings{}, folder{"host.json": "{}", "users/function.json": anonymous}, func(log *slog.Logger) map[string]azure.Function {
		return map[string]azure.Function{"users": &azure.HTTP{
			Output: "res", AllowAnonymous: true, Log: log, Meter: metered(telemetry.JobUsers, &all),
			Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { telemetry.Observe(r.Context(), telemetry.Users, 3) }),
		}}
	})
	a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://contoso.azurewebsites.net/api/users", "Method": "GET"}, nil))
	a.forward(t, http.MethodGet, "http://127.0.0.1:4711/api/users", http.Header{})
	if len(all) != 2 || all[0][telemetry.Users] != 3 || all[1][telemetry.Users] != 3 || all[1][telemetry.Failed] != 0 {
		t.Errorf("%v", all)
	}
}
