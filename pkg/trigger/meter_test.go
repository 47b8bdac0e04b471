package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// meter keeps the figures of each invocation.
type meter struct {
	trigger.Meter
	emitted []map[telemetry.Metric]float64
}

func newMeter(job string) *meter {
	m := &meter{}
	m.Meter = trigger.Meter{Job: job, Emit: func(_ context.Context, f *telemetry.Figures) {
		m.emitted = append(m.emitted, f.Values())
	}}
	return m
}

// figures are those of an invocation that ended so, within 1.5 s.
func figures(failed, incomplete, suspect float64) map[telemetry.Metric]float64 {
	return map[telemetry.Metric]float64{
		telemetry.Duration: 1500, telemetry.Throttled: 0, telemetry.Retries: 0,
		telemetry.Failed: failed, telemetry.Incomplete: incomplete, telemetry.Suspect: suspect,
	}
}

func (m *meter) mustHave(t *testing.T, what any, want ...map[telemetry.Metric]float64) {
	t.Helper()
	if diff := cmp.Diff(want, m.emitted); diff != "" {
		t.Errorf("%v: -want +got\n%s", what, diff)
	}
	m.emitted = nil
}

func TestEachEndOfAnInvocationHasItsFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter(telemetry.JobSnapshot)
		for name, want := range map[string]map[telemetry.Metric]float64{
			"": figures(0, 0, 0), "State.Conflict": figures(0, 0, 0), "Snapshot.Incomplete": figures(0, 1, 0), "Snapshot.Suspect": figures(0, 0, 1),
			"Graph.Throttled": figures(1, 0, 0), "Config.Invalid": figures(1, 0, 0), "Request.Invalid": figures(1, 0, 0), "Internal.Error": figures(1, 0, 0),
		} {
			var end error
			if name != "" {
				end = fmt.Errorf("x: %w", &failure.Named{Public: name})
			}
			err := m.Measure(t.Context(), func(ctx context.Context) error {
				time.Sleep(1500 * time.Millisecond)
				return end
			})
			if !errors.Is(err, end) {
				t.Errorf("%q: %v", name, err)
			}
			m.mustHave(t, name, want)
		}
		func() {
			defer func() { _ = recover() }()
			_ = m.Measure(t.Context(), func(context.Context) error { time.Sleep(1500 * time.Millisecond); panic("kim@contoso.com") })
		}()
		m.mustHave(t, "a panic", figures(1, 0, 0))
	})
}

func TestWithoutAMeterTheWorkIsDoneAndNotMeasured(t *testing.T) {
	var none *trigger.Meter
	broken := errors.New("broken")
	if err := none.Measure(t.Context(), func(ctx context.Context) error {
		if telemetry.IsMeasured(ctx) {
			t.Error("it is measured")
		}
		return broken
	}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// measured is a request of a caller who is verified, or not.
func measured(err error) *trigger.Exchange {
	return &trigger.Exchange{
		Request: trigger.NewRequest(http.MethodGet, "api.example", &url.URL{Path: "/users"}, http.Header{}, "", false),
		Caller:  func(context.Context) (string, error) { return "", err }, Limit: trigger.Limit{Bytes: 1 << 20},
	}
}

func TestARequestIsMeasuredUntilItsStreamHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter(telemetry.JobUsers)
		s := &trigger.Server{Meter: &m.Meter, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "a\n")
			time.Sleep(1500 * time.Millisecond)
			telemetry.Observe(r.Context(), telemetry.Users, 7)
			_, _ = io.WriteString(w, "b\n")
		})}
		want := figures(0, 0, 0)
		delete(want, telemetry.Suspect)
		want[telemetry.Users] = 7
		if _, err := s.Buffered(t.Context(), measured(nil)); err != nil {
			t.Fatal(err)
		}
		m.mustHave(t, "buffered", want)
		stream, err := s.Streamed(t.Context(), measured(nil))
		if err != nil {
			t.Fatal(err)
		}
		m.mustHave(t, "a stream that has begun")
		if body, err := io.ReadAll(stream.Body); string(body) != "a\nb\n" || err != nil {
			t.Fatalf("%q %v", body, err)
		}
		m.mustHave(t, "a stream at its end", want) // before its reader knows of the end
	})
}

func TestWhatAHandlerSaysOfItsEndCounts(t *testing.T) {
	for _, row := range []struct {
		name               string
		panics             bool
		failed, incomplete float64
	}{
		{"", false, 0, 0},
		{"", true, 0, 0}, // the caller went away
		{"Graph.Unavailable", false, 1, 0},
		{"Graph.Unavailable", true, 1, 0},
		{"Snapshot.Incomplete", true, 0, 1},
	} {
		m := newMeter(telemetry.JobUsers)
		s := &trigger.Server{Meter: &m.Meter, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			telemetry.End(r.Context(), row.name)
			if row.panics {
				panic(http.ErrAbortHandler)
			}
		})}
		if _, err := s.Buffered(t.Context(), measured(nil)); (err != nil) != row.panics {
			t.Fatal(err)
		}
		if got := m.emitted[0]; got[telemetry.Failed] != row.failed || got[telemetry.Incomplete] != row.incomplete {
			t.Errorf("%+v: %v", row, got)
		}
	}
}

func TestOnlyRequestsThatTheHandlerAnswersAreMeasured(t *testing.T) {
	m := newMeter(telemetry.JobUsers)
	s := &trigger.Server{Meter: &m.Meter, Handler: failure.Handler(errors.New("ROLLCALL_SELEKT is not a variable"))}
	odd, check := measured(nil), measured(nil)
	odd.Problem, check.HealthCheck = "odd", true
	for _, x := range []*trigger.Exchange{odd, check, measured(errors.New("nobody"))} {
		if _, err := s.Buffered(t.Context(), x); err != nil || m.emitted != nil {
			t.Errorf("%v %v", m.emitted, err)
		}
	}
	if _, err := s.Buffered(t.Context(), measured(nil)); err != nil || len(m.emitted) != 1 || m.emitted[0][telemetry.Failed] != 1 {
		t.Errorf("%v %v", m.emitted, err)
	}
}
