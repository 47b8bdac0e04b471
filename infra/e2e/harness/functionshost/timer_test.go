package functionshost_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

// envelope is what a handler printed of one.
type envelope struct {
	Data     map[string]json.RawMessage
	Metadata map[string]any
}

// printed returns what the handler records printed, once it has done so n times.
func printed(t *testing.T, host *functionshost.Host, function string, n int) []envelope {
	t.Helper()
	seen := 0
	if _, err := host.WaitLine(t.Context(), func(l functionshost.Line) bool {
		if strings.HasPrefix(l.Text, "/"+function+" ") {
			seen++
		}
		return seen == n
	}); err != nil {
		t.Fatal(err)
	}
	var all []envelope
	for _, line := range host.Lines() {
		if text, ok := strings.CutPrefix(line.Text, "/"+function+" "); ok && line.Source == "stdout" {
			var e envelope
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
	}
	return all
}

func nightly() files { return files{"host.json": hostJSON, "nightly/function.json": timerFunction} }

func TestATimerGoesOffWhenATestSaysSo(t *testing.T) {
	host := start(t, nightly(), "records", `REPLY={"Outputs":{},"Logs":["hello"],"ReturnValue":null}`)
	for _, fire := range []func() (functionshost.Record, error){
		func() (functionshost.Record, error) { return host.Fire(t.Context(), "nightly") },
		func() (functionshost.Record, error) { return host.FireLate(t.Context(), "nightly") },
	} {
		record, err := fire()
		if err != nil || record.Function != "nightly" || !slices.Equal(record.Logs, []string{"hello"}) {
			t.Errorf("%v %+v", err, record)
		}
	}
	type info struct {
		Schedule       struct{ AdjustForDST bool }
		ScheduleStatus struct{ Last, Next, LastUpdated string }
		IsPastDue      bool
	}
	var got []info
	for _, e := range printed(t, host, "nightly", 2) {
		var i info
		if err := json.Unmarshal(e.Data["timer"], &i); err != nil || e.Metadata["sys"] == nil {
			t.Fatal(err, e)
		}
		got = append(got, i)
	}
	if len(got) != 2 || !got[0].Schedule.AdjustForDST || got[0].IsPastDue || !got[1].IsPastDue {
		t.Fatalf("%+v", got)
	}
	if got[0].ScheduleStatus.Last != "0001-01-01T00:00:00" {
		t.Error("a timer that never went off says", got[0].ScheduleStatus.Last)
	}
	if last, err := time.Parse(time.RFC3339Nano, got[1].ScheduleStatus.Last); err != nil || time.Since(last) > time.Minute {
		t.Error(err, got[1].ScheduleStatus.Last)
	}
	if next := got[0].ScheduleStatus.Next; !strings.HasSuffix(next, "T03:00:00+00:00") {
		t.Error(next)
	}
	if !slices.ContainsFunc(host.Lines(), func(l functionshost.Line) bool {
		return l.Text == "hello" && l.Source == "nightly" && l.Severity == functionshost.Information
	}) {
		t.Error("the Logs of the reply are not logged")
	}
}

func TestTimersOfTwoHostsGoOffAtOnce(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	var hosts []*functionshost.Host
	for range 2 {
		cfg := config(t, nightly(), "records", `REPLY={}`)
		cfg.Begun = func(*functionshost.Host, functionshost.Invocation) {
			both.Done()
			both.Wait()
		}
		hosts = append(hosts, harness.Start(t, cfg.Start))
	}
	var done sync.WaitGroup
	for _, host := range hosts {
		done.Go(func() {
			if _, err := host.Fire(t.Context(), "nightly"); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
}

func TestOnlyTimersCanBeFired(t *testing.T) {
	app := nightly()
	app["users/function.json"] = httpFunction
	app["off/function.json"] = strings.Replace(timerFunction, `{"bindings"`, `{"disabled":true,"bindings"`, 1)
	host := start(t, app, "records", "AzureWebJobs.nightly.Disabled=1")
	for _, name := range []string{"users", "off", "nightly", "none"} {
		if record, err := host.Fire(t.Context(), name); err == nil || record.Number != 0 {
			t.Errorf("%s: %+v", name, record)
		}
	}
}

func TestAFailedTimerIsRepeatedAsItsPolicySays(t *testing.T) {
	for name, test := range map[string]struct {
		policy string
		times  int
		least  time.Duration
	}{
		"none":        {"", 1, 0},
		"fixed delay": {`"retry":{"strategy":"fixedDelay","maxRetryCount":2,"delayInterval":"00:00:00.1"},`, 3, 200 * time.Millisecond},
		"exponential": {`"retry":{"strategy":"exponentialBackoff","maxRetryCount":2,"minimumInterval":"00:00:00.1","maximumInterval":"00:00:10"},`, 3, 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			app := nightly()
			app["nightly/function.json"] = strings.Replace(timerFunction, "{", "{"+test.policy, 1)
			host := start(t, app, "records", "REPLY_STATUS=500")
			begun := time.Now()
			record, err := host.Fire(t.Context(), "nightly")
			if err == nil || record.Number != test.times || time.Since(begun) < test.least {
				t.Errorf("%v %+v after %s", err, record, time.Since(begun))
			}
			var counts []any
			for _, e := range printed(t, host, "nightly", test.times) {
				context, _ := e.Metadata["RetryContext"].(map[string]any)
				counts = append(counts, context["RetryCount"])
			}
			if diff := cmp.Diff([]any{nil, 1., 2.}[:test.times], counts); diff != "" {
				t.Error(diff)
			}
		})
	}
}
