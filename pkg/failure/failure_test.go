package failure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

type throttled struct{}

func (throttled) Error() string       { return "throttled" }
func (throttled) Name() string        { return "Graph.Throttled" }
func (throttled) Wait() time.Duration { return 7 * time.Second }

func TestAnErrorIsClassifiedByItsNameAndStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want failure.Failure
	}{
		"wrapped":             {fmt.Errorf("list users: %w", throttled{}), failure.Failure{Name: "Graph.Throttled", Status: 503, Message: "list users: throttled", RetryAfter: 7 * time.Second}},
		"an invalid request":  {failure.InvalidRequest("no"), failure.Failure{Name: "Request.Invalid", Status: 400, Message: "no"}},
		"a deadline":          {fmt.Errorf("x: %w", context.DeadlineExceeded), failure.Failure{Name: "Graph.Unavailable", Status: 504, Message: "x: context deadline exceeded"}},
		"a named error first": {errors.Join(throttled{}, context.DeadlineExceeded), failure.Failure{Name: "Graph.Throttled", Status: 503, Message: "throttled\ncontext deadline exceeded", RetryAfter: 7 * time.Second}},
		"a canceled caller":   {fmt.Errorf("list users: %w", context.Canceled), failure.Failure{Name: "Graph.Unavailable", Status: 503, Message: "list users: context canceled"}},
		"an unnamed error":    {errors.New("oops"), failure.Failure{Name: "Internal.Error", Status: 500, Message: "oops"}},
	} {
		if diff := cmp.Diff(c.want, failure.Of(c.err)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestEveryPublicNameHasTheStatusOfTheContract(t *testing.T) {
	for name, status := range map[string]int{
		"Credentials.Missing": 500, "Credentials.Rejected": http.StatusBadGateway, "Graph.AccessDenied": 502,
		"Graph.Throttled": 503, "Request.Throttled": 503, "Graph.Unavailable": 503, "Graph.BadRequest": 400, "Graph.NotFound": 404,
		"Request.Invalid": 400, "Request.Unauthorized": 401, "Response.TooLarge": 413, "Config.Invalid": 500,
	} {
		if got := failure.Of(&failure.Named{Public: name}).Status; got != status {
			t.Errorf("%s: status %d, want %d", name, got, status)
		}
	}
}
