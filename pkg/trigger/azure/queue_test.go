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

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

type input struct {
	Run string `json:"run,omitempty"`
	N   int    `json:"n,omitempty"`
}

type output struct{ more bool }

// worker is the job of a queue under test.
type worker struct {
	asked []input
	more  bool
	err   error
	takes time.Duration
	delay time.Duration
	name  func(input, string) input
}

func (w *worker) do(_ context.Context, in input) (*output, error) {
	w.asked = append(w.asked, in)
	time.Sleep(w.takes)
	if w.err != nil {
		return nil, w.err
	}
	return &output{w.more}, nil
}

func (w *worker) open(t *testing.T, host string) *app {
	t.Helper()
	return open(t, azure.Settings{}, folder{"host.json": host, "run/function.json": queued}, func(log *slog.Logger) map[string]azure.Function {
		return map[string]azure.Function{"run": &azure.Queue[input, output]{
			Do: w.do, Name: w.name, Output: "next", Delay: w.delay, Log: log,
			Next: func(in input, out *output) (input, bool) { return input{Run: in.Run, N: in.N + 1}, out.more },
		}}
	})
}

// message is what the host sends for one of a queue.
func message(t *testing.T, body string, deliveries int, written time.Time) string {
	t.Helper()
	return envelope(t, text(t, body), map[string]any{
		"Id": text(t, "9a1b2c3d-0000-4111-8222-333344445555"), "DequeueCount": text(t, deliveries), "InsertionTime": written.Format(time.RFC3339),
		"PopReceipt": text(t, "AgAAAAMAAAAAAAAA"), "sys": map[string]any{"MethodName": "run", "UtcNow": "2026-11-28T10:00:00Z"},
	})
}

func TestTheTextOfAMessageIsTheInput(t *testing.T) {
	for name, data := range map[string]any{
		"as the host sends it":       text(t, `{"run":"a","n":2}`),
		"as an object":               map[string]any{"run": "a", "n": 2},
		"as a text":                  `{"run":"a","n":2}`,
		"as a text of a text":        text(t, text(t, `{"run":"a","n":2}`)),
		"with white space around it": text(t, " \n{\"run\":\"a\",\"n\":2}\n"),
	} {
		var w worker
		if got := w.open(t, "{}").invoke(t, "run", envelope(t, data, nil)); got.status != http.StatusOK || len(got.Outputs) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if diff := cmp.Diff([]input{{"a", 2}}, w.asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAMessageThatIsNoInputFailsAndIsNotQuoted(t *testing.T) {
	for _, body := range []string{"", "x", "s3cr3ts3cr3ts3cr3t", `[]`, `"x"`, `7`, `{"run":7}`, `{"s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3t":1}`, `{} {}`} {
		var w worker
		a := w.open(t, "{}")
		if got := a.invoke(t, "run", message(t, body, 1, time.Now())); got.status != http.StatusInternalServerError || len(got.Outputs) > 0 || len(w.asked) > 0 {
			t.Errorf("%q: %+v", body, got)
		}
		if strings.Contains(a.log.String(), "s3cr3t") || !strings.Contains(a.log.String(), "Request.Invalid") {
			t.Errorf("%q: the log is %s", body, a.log)
		}
	}
}

func TestWhatIsToGoOnIsAskedForByAnotherMessage(t *testing.T) {
	w := worker{more: true}
	got := w.open(t, "{}").invoke(t, "run", message(t, `{"run":"a","n":1}`, 1, time.Now()))
	if diff := cmp.Diff([]string{`{"run":"a","n":2}`}, got.messages(t, "next")); diff != "" || got.status != http.StatusOK {
		t.Errorf("%+v: %s", got, diff)
	}
}

func TestAMessageOfWhichAnotherInvocationDoesTheWorkIsWrittenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worker{err: &failure.Named{Public: "State.Conflict", Text: "another one was faster"}}
		a, began := w.open(t, "{}"), time.Now()
		got := a.invoke(t, "run", message(t, `{"run":"a"}`, 5, time.Now()))
		if diff := cmp.Diff([]string{`{"run":"a"}`}, got.messages(t, "next")); diff != "" || got.status != http.StatusOK {
			t.Errorf("%+v: %s", got, diff)
		}
		if waited := time.Since(began); waited < 15*time.Second || waited > 45*time.Second {
			t.Errorf("it waited for %s", waited)
		}
		if strings.Contains(a.log.String(), "poison") || strings.Contains(a.log.String(), `"ERROR"`) {
			t.Errorf("the log is %s", a.log)
		}
		// Near the deadline it does not wait: the host would kill the handler.
		a, began = w.open(t, `{"functionTimeout":"00:00:10"}`), time.Now()
		if got = a.invoke(t, "run", message(t, `{"run":"a"}`, 5, time.Now())); got.status != http.StatusOK || time.Since(began) > 10*time.Second {
			t.Errorf("%+v after %s", got, time.Since(began))
		}
	})
}

func TestAFailureIsToldToTheHostAndTheLastOneToTheLog(t *testing.T) {
	for deliveries, last := range map[int]bool{0: false, 1: false, 4: false, 5: true, 6: true} {
		w := worker{err: errors.New("the bucket is gone")}
		a := w.open(t, "{}")
		got := a.invoke(t, "run", message(t, `{"run":"a"}`, deliveries, time.Now()))
		if got.status != http.StatusInternalServerError || len(got.Outputs) > 0 {
			t.Errorf("%+v", got)
		}
		log := a.log.String()
		if strings.Contains(log, "the message goes to the poison queue") != last || !strings.Contains(log, `"messageId":"9a1b2c3d-0000-4111-8222-333344445555"`) || !strings.Contains(log, `"requestId":"`+invocation+`"`) {
			t.Errorf("%d deliveries: the log is %s", deliveries, log)
		}
	}
	w := worker{err: errors.New("the bucket is gone")}
	a := w.open(t, `{"extensions":{"queues":{"maxDequeueCount":2}}}`)
	if a.invoke(t, "run", message(t, `{}`, 2, time.Now())); !strings.Contains(a.log.String(), "the message goes to the poison queue") {
		t.Errorf("as host.json says: %s", a.log)
	}
}

func TestAPanicOfAJobIsAFailure(t *testing.T) {
	w := worker{name: func(input, string) input { panic("kim@contoso.com") }}
	a := w.open(t, "{}")
	if got := a.invoke(t, "run", message(t, `{}`, 1, time.Now())); got.status != http.StatusInternalServerError || strings.Contains(a.log.String(), "kim@") {
		t.Errorf("%+v: %s", got, a.log)
	}
}

func TestWhatSomebodyHasToLookAtIsNotTriedAgain(t *testing.T) {
	w := worker{err: &failure.Named{Public: "Snapshot.Suspect", Text: "many have left"}}
	a := w.open(t, "{}")
	got := a.invoke(t, "run", message(t, `{"run":"a"}`, 1, time.Now()))
	if got.status != http.StatusOK || len(got.Outputs) > 0 || !strings.Contains(a.log.String(), `"level":"ERROR"`) || !strings.Contains(a.log.String(), "Snapshot.Suspect") {
		t.Errorf("%+v: %s", got, a.log)
	}
}

func TestAJobWithoutANameIsNamedByItsMessage(t *testing.T) {
	w := worker{name: func(in input, id string) input {
		if in.Run == "" {
			in.Run = id
		}
		return in
	}, more: true}
	a := w.open(t, "{}")
	for range 2 { // it comes again
		a.invoke(t, "run", message(t, `{}`, 1, time.Now()))
	}
	a.invoke(t, "run", message(t, `{"run":"b"}`, 1, time.Now()))
	const id = "9a1b2c3d-0000-4111-8222-333344445555"
	if diff := cmp.Diff([]input{{Run: id}, {Run: id}, {Run: "b"}}, w.asked); diff != "" {
		t.Error(diff)
	}
	for _, odd := range []any{nil, 7, "", text(t, strings.Repeat("a", 65)), text(t, "../x"), text(t, "a b"), map[string]any{}} {
		w.asked = nil
		a.invoke(t, "run", envelope(t, `{}`, map[string]any{"Id": odd}))
		if len(w.asked) != 1 || w.asked[0].Run != "" {
			t.Errorf("%v: %+v", odd, w.asked)
		}
	}
}

func TestAJobBeginsOnceItsMessageIsOldEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worker{delay: 45 * time.Second}
		a := w.open(t, "{}")
		for age, want := range map[time.Duration]time.Duration{
			0: 45 * time.Second, 30 * time.Second: 15 * time.Second, time.Hour: 0,
			-10 * time.Second: 55 * time.Second, // a clock that goes ahead
			-time.Hour:        0,                // one that cannot be believed
		} {
			began := time.Now()
			a.invoke(t, "run", message(t, `{"run":"`+age.String()+`"}`, 1, began.Add(-age)))
			if waited := time.Since(began); waited != want {
				t.Errorf("%s old: it waited for %s, want %s", age, waited, want)
			}
		}
		began := time.Now()
		a.invoke(t, "run", envelope(t, `{"run":"without a time"}`, nil))
		if waited := time.Since(began); waited != 0 {
			t.Errorf("without a time it waited for %s", waited)
		}
		// A delay never takes the time of the job.
		a = w.open(t, `{"functionTimeout":"00:00:40"}`)
		began, w.asked = time.Now(), nil
		if got := a.invoke(t, "run", message(t, `{"run":"x"}`, 1, time.Now())); got.status != http.StatusOK || len(w.asked) != 1 || time.Since(began) > 10*time.Second {
			t.Errorf("%+v after %s", got, time.Since(began))
		}
	})
}

func TestOneJobDoesForAllMessagesThatWereWrittenBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worker{delay: 45 * time.Second, takes: 20 * time.Second}
		a := w.open(t, "{}")
		start := time.Now()
		for range 5 {
			a.invoke(t, "run", message(t, `{"run":"a"}`, 1, start))
		}
		if len(w.asked) != 1 || time.Since(start) != 65*time.Second {
			t.Fatalf("%d jobs in %s", len(w.asked), time.Since(start))
		}
		a.invoke(t, "run", message(t, `{"run":"b"}`, 1, start)) // another one
		// It was written when the job had begun.
		a.invoke(t, "run", message(t, `{"run":"a"}`, 1, start.Add(46*time.Second)))
		if len(w.asked) != 3 {
			t.Errorf("%+v", w.asked)
		}
		// A job that failed, or is to go on, has done nothing for others.
		for _, more := range []bool{true, false} {
			w.asked, w.more, w.err = nil, more, errors.New("the bus is down")
			if more {
				w.err = nil
			}
			a = w.open(t, "{}")
			for range 2 {
				a.invoke(t, "run", message(t, `{"run":"a"}`, 1, start))
			}
			if len(w.asked) != 2 {
				t.Errorf("to go on %v: %+v", more, w.asked)
			}
		}
		// Nor does one where messages do not wait: each names its own.
		w = worker{}
		a = w.open(t, "{}")
		for range 2 {
			a.invoke(t, "run", message(t, `{"run":"a"}`, 1, start))
		}
		if len(w.asked) != 2 {
			t.Errorf("%+v", w.asked)
		}
	})
}
