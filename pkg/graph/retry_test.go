package graph_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestOnlyAStatusThatMayPassIsRetried(t *testing.T) {
	for status, retried := range map[int]bool{
		204: false, 206: false, 302: false, 400: false, 403: false, 404: false, 405: false, 408: true, 409: false, 410: false,
		414: false, 429: true, 500: true, 501: false, 502: true, 503: true, 504: true, 505: false, 509: true,
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &answers{all: []answer{{status: status}, {status: 200, body: "7"}}}
			n, err := transport.client(t, graph.Config{}).Count(t.Context(), graph.Query{}, new(graph.Stats))
			if (len(transport.sent) == 2) != retried || (err == nil && n == 7) != retried {
				t.Errorf("%d: requested %d times, %v", status, len(transport.sent), err)
			}
		})
	}
}

func TestARequestIsTriedAsOftenAsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []answer{{status: 500}}}
		var stats graph.Stats
		_, err := transport.client(t, graph.Config{Attempts: 4}).Count(t.Context(), graph.Query{}, &stats)
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Tries != 4 || len(transport.sent) != 4 || stats.Retries() != 3 {
			t.Errorf("%d requests, %d retries: %v", len(transport.sent), stats.Retries(), err)
		}
	})
}

func TestAWaitOfExactlyTheLimitIsWaited(t *testing.T) {
	for after, waited := range map[string]bool{"60": true, "61": false} {
		synctest.Test(t, func(t *testing.T) {
			transport := &answers{all: []answer{
				{status: 429, header: http.Header{"Retry-After": {after}}}, {status: 200, body: "7"},
			}}
			started := time.Now()
			_, err := transport.client(t, graph.Config{MaxWait: time.Minute}).Count(t.Context(), graph.Query{}, new(graph.Stats))
			if (err == nil) != waited || (time.Since(started) >= time.Minute) != waited {
				t.Errorf("Retry-After %s: %v after %v", after, err, time.Since(started))
			}
		})
	}
}

func TestRetriesHonourRetryAfter(t *testing.T) {
	for name, least := range map[string]time.Duration{
		"429-seconds:2": 7 * time.Second, "429-decimal:2": 1500 * time.Millisecond, "429-date:2": 8 * time.Second, "503-retry-after:2": 5 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 200, Faults: []simulator.Fault{fault(t, name)}})
				client := newClient(t, tenant, tenant.Transport())
				if n, err := readAll(t.Context(), client.Pager(graph.Query{Top: 100})); n != 200 || err != nil {
					t.Fatalf("%d users, %v", n, err)
				}
				pages := listRequests(tenant)
				if len(pages) != 3 {
					t.Fatalf("%d requests, want 3", len(pages))
				}
				if waited := pages[2].Started.Sub(pages[1].FirstByte); waited < least || waited > least+time.Second {
					t.Errorf("waited %v, want %v", waited, least)
				}
			})
		})
	}
}

func TestARetryAfterAboveTheLimitIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 100, Faults: []simulator.Fault{fault(t, "429-seconds:1x*")}})
		transport := tenant.Transport()
		client, err := graph.New(graph.Config{
			BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport, MaxWait: 6 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = readAll(t.Context(), client.Pager(graph.Query{}))
		if err == nil || !strings.Contains(err.Error(), "try again in 7s") {
			t.Errorf("error %v, want it to say when to try again", err)
		}
	})
}

func TestNoWaitIsBegunThatWouldPassTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000, Faults: []simulator.Fault{fault(t, "429-seconds:2x*")}})
		client := newClient(t, tenant, tenant.Transport())
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		started := time.Now()
		_, err := readAll(ctx, client.Pager(graph.Query{Top: 100}))
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Status != 429 || answer.RetryAfter != 7*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the 429 itself with its Retry-After, and the deadline as the reason", err)
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("it took %v to know that the deadline is too near", took)
		}
	})
}

func TestACancellationEndsAWaitWithItsCause(t *testing.T) {
	for name, header := range map[string]http.Header{
		"before another try": {"Retry-After": {"60"}},
		"of the governor":    {"X-Ms-Throttle-Limit-Percentage": {"1.7"}, "Retry-After": {"0.001"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &answers{all: []answer{{status: 429, header: header}}}
				cause := errors.New("enough")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(3*time.Second, func() { cancel(cause) })
				started := time.Now()
				_, err := transport.client(t, graph.Config{}).Count(ctx, graph.Query{}, new(graph.Stats))
				if !errors.Is(err, cause) || time.Since(started) != 3*time.Second {
					t.Errorf("after %v: %v", time.Since(started), err)
				}
			})
		})
	}
}

func TestRetriesBackOffFromHalfASecondToHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		transport := scripted(func(*http.Request) (int, string) {
			at = append(at, time.Now())
			return 500, ""
		})
		if _, err := transport.client(t, 10).Count(t.Context(), graph.Query{}, new(graph.Stats)); err == nil || len(at) != 10 {
			t.Fatalf("%d requests, %v", len(at), err)
		}
		for i, seconds := range []float64{0.5, 1, 2, 4, 8, 16, 30, 30, 30} {
			full := time.Duration(seconds * float64(time.Second))
			if waited := at[i+1].Sub(at[i]) - 100*time.Millisecond; waited < full/2 || waited > full {
				t.Errorf("retry %d came after %v, want %v to %v", i+1, waited, full/2, full)
			}
		}
	})
}

func TestTheGovernorPausesFromEightyPercentOn(t *testing.T) {
	for used, want := range map[string]time.Duration{
		"": 0, "0.79": 0, "nonsense": 0, "NaN": 0,
		"0.8": time.Second, "1.0": 3 * time.Second, "1.8": 11 * time.Second, "99": 11 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &answers{all: []answer{
				{status: 200, body: "7", header: http.Header{"X-Ms-Throttle-Limit-Percentage": {used}}}, {status: 200, body: "7"},
			}}
			client := transport.client(t, graph.Config{})
			for i, pause := range []time.Duration{0, want, 0} {
				started := time.Now()
				if _, err := client.Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(started).Round(time.Millisecond); got != pause {
					t.Errorf("at %q: request %d waited %v, want %v", used, i+1, got, pause)
				}
			}
		})
	}
}

func TestTheGovernorSlowsTheListDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 500, Faults: []simulator.Fault{fault(t, "governor")}})
		client := newClient(t, tenant, tenant.Transport())
		started := time.Now()
		if n, err := readAll(t.Context(), client.Pager(graph.Query{Top: 100})); n != 500 || err != nil {
			t.Fatalf("%d users, %v", n, err)
		}
		if took := time.Since(started); took < 4*2*time.Second || took > 5*3*time.Second {
			t.Errorf("five pages at 90 %% of the quota took %v, want about two seconds for each after the first", took)
		}
	})
}

func TestTheGovernorDoesNotPausePastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []answer{
			{status: 200, body: "7", header: http.Header{"X-Ms-Throttle-Limit-Percentage": {"1.7"}}},
		}}
		client := transport.client(t, graph.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for range 2 {
			if _, err := client.Count(ctx, graph.Query{}, new(graph.Stats)); err != nil {
				t.Error(err)
			}
		}
	})
}
