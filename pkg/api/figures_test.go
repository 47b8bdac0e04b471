package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// measured asks for something, and returns the figures and the failure that the API names.
func (s *served) measured(t *testing.T, ctx context.Context, w http.ResponseWriter, target string) (figures map[telemetry.Metric]float64, failure string) {
	t.Helper()
	ctx, all := telemetry.Measure(ctx, telemetry.JobUsers)
	aborts(func() {
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "https://api.example"+target, http.NoBody))
	})
	failure, told := all.Ended()
	if !told {
		t.Errorf("%s: how it ended was not told", target)
	}
	figures = all.Values()
	if figures[telemetry.Pages] > 0 {
		figures[telemetry.Pages] = 1 // and those of the proof
	}
	return figures, failure
}

func TestEachAnswerHasItsFigures(t *testing.T) {
	type figures = map[telemetry.Metric]float64
	for target, want := range map[string]figures{
		"/users?$top=30":         {telemetry.Users: 30, telemetry.Pages: 1},
		"/users?$format=ndjson":  {telemetry.Users: 250, telemetry.Pages: 1, telemetry.Passes: 1},
		"/users?$format=csv":     {telemetry.Users: 250, telemetry.Pages: 1, telemetry.Passes: 1},
		"/users/$count":          {},
		"/users?$select=unknown": {},
		"/nothing":               {},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, simulator.Config{Users: 250})
			got, failure := s.measured(t, t.Context(), httptest.NewRecorder(), target)
			if diff := cmp.Diff(want, got); diff != "" || failure != "" {
				t.Errorf("%s: %q, -want +got\n%s", target, failure, diff)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		_, page := s.get(t, "https://api.example/users?$top=1")
		id := page.Value[0]["id"].(string)
		if got, failure := s.measured(t, t.Context(), httptest.NewRecorder(), "/users/"+id); got[telemetry.Users] != 1 || failure != "" {
			t.Errorf("one user: %v, %q", got, failure)
		}
	})
}

func TestAFailureIsNamedUnlessItIsTheCallers(t *testing.T) {
	for _, row := range []struct{ fault, target, failure string }{
		{"503x20", "/users", "Graph.Unavailable"},
		{"403x20", "/users", "Graph.AccessDenied"},
		{"500:3x20", "/users?$format=ndjson", "Graph.Unavailable"}, // within the stream
		{"early-end:2x20", "/users?$format=ndjson", "Snapshot.Incomplete"},
		{"early-end:2x20", "/users?$format=csv", "Snapshot.Incomplete"},
		{"403x20", "/users?$filter=odd", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, simulator.Config{Users: 450, Faults: parseFaults(t, row.fault)})
			got, failure := s.measured(t, t.Context(), httptest.NewRecorder(), row.target)
			if _, known := got[telemetry.Users]; known || failure != row.failure {
				t.Errorf("%+v: %q, %v", row, failure, got)
			}
		})
	}
}

// away is a caller who leaves while the answer is written.
type away struct {
	*httptest.ResponseRecorder
	leave func()
}

func (a *away) Write([]byte) (int, error) {
	a.leave()
	return 0, io.ErrClosedPipe
}

func TestACallerWhoLeavesIsNoFailure(t *testing.T) {
	for _, target := range []string{"/users?$format=ndjson", "/users?$format=csv", "/users"} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, simulator.Config{Users: 450, Latency: time.Second})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for name, leave := range map[string]func(){"a closed pipe": func() {}, "a canceled request": cancel} {
				got, failure := s.measured(t, ctx, &away{httptest.NewRecorder(), leave}, target)
				if _, known := got[telemetry.Users]; known || failure != "" {
					t.Errorf("%s, %s: %q, %v", target, name, failure, got)
				}
			}
			if ctx.Err() == nil {
				t.Fatal(errors.New("nobody left"))
			}
		})
	}
}

func TestADeadlineIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50, Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, failure := s.measured(t, ctx, httptest.NewRecorder(), "/users"); failure != "Graph.Unavailable" {
			t.Errorf("%q", failure)
		}
	})
}
