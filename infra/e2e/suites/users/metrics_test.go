package users_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// metrics are those that CloudWatch makes of the log, whatever level the function has.
func metrics(t *testing.T, e *environment) {
	for _, level := range []string{"INFO", "ERROR", "FATAL"} {
		f := e.start(t, config{
			tenant:  simulator.Config{Users: 30, Faults: []simulator.Fault{{Name: "429-absent", Page: 1, Times: 1}, {Name: "403", Page: 2, Times: 1}}},
			timeout: 20 * time.Second, level: level,
		})
		f.putSecret(t, strings.Replace(f.secretText(t, f.tenant.ClientSecret), "{", `{"ExpiresAt":"`+time.Now().Add(100*time.Hour).UTC().Format(time.RFC3339)+`",`, 1))
		first := f.invokeForPage(t, map[string]any{"top": 20})
		if got := f.invoke(t, map[string]any{"top": 20, "skiptoken": skipToken(t, first.NextLink)}); got.ErrorType != "Graph.AccessDenied" {
			t.Fatalf("%s: %s", got.ErrorType, got.Payload)
		}
		f.invoke(t, map[string]any{"selekt": []string{"id"}}) // never comes to be answered
		if got := f.invokeForPage(t, map[string]any{"top": 20, "skiptoken": skipToken(t, first.NextLink)}); len(got.Value) != 10 {
			t.Fatalf("%d users", len(got.Value))
		}
		f.host.Close() // after which all of the log is there
		records := emf.Read(t, f.host.Output())
		var got []map[string]float64
		for _, r := range records {
			if r.Metrics["Duration"] <= 0 || r.Namespace != "Rollcall" || !maps.Equal(r.Dimensions, map[string]string{"FunctionName": "rollcall-e2e"}) ||
				r.Members["job"] != "users" || r.Members["requestId"] == nil || r.Members["level"] != level {
				t.Errorf("%s: %v", level, r.Members)
			}
			delete(r.Metrics, "Duration")
			got = append(got, r.Metrics)
		}
		want := []map[string]float64{
			{"Users": 20, "Pages": 1, "Throttled": 1, "Retries": 1, "Failed": 0, "Incomplete": 0, "DaysToExpiry": 4},
			{"Throttled": 0, "Retries": 0, "Failed": 1, "Incomplete": 0, "DaysToExpiry": 4},
			{"Users": 10, "Pages": 1, "Throttled": 0, "Retries": 0, "Failed": 0, "Incomplete": 0, "DaysToExpiry": 4},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s\n%s", level, diff, f.host.Output())
		}
		if others := strings.Count(f.host.Output(), "\n") - len(records); level == "FATAL" && others != 0 {
			t.Errorf("the log has other lines: %s", f.host.Output())
		}
	}
}
