package graph_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// headered answers each request, also with a header, in no time of its own.
type headered func(r *http.Request) (status int, body string, header http.Header)

func (h headered) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body, header := h(r)
	if header == nil {
		header = http.Header{}
	}
	if err := r.Context().Err(); err != nil { // over while it slept
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (h headered) client(t *testing.T, cfg graph.Config) *graph.Client {
	t.Helper()
	cfg.BaseURL, cfg.Tokens, cfg.Transport = "https://graph.microsoft.com", oneToken{}, h
	client, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// crowded answers counts after 100 ms, and with 429 when more than most are under way.
type crowded struct {
	most, underWay, peak, answered, refused atomic.Int64
}

func (c *crowded) answer(r *http.Request) (int, string, http.Header) {
	n := c.underWay.Add(1)
	defer c.underWay.Add(-1)
	c.peak.Store(max(c.peak.Load(), n))
	time.Sleep(100 * time.Millisecond)
	if n > c.most.Load() {
		c.refused.Add(1)
		return http.StatusTooManyRequests, `{"error":{"code":"TooManyRequests"}}`, http.Header{"Retry-After": {"2"}}
	}
	c.answered.Add(1)
	return http.StatusOK, "7", nil
}

// countFrom has so many callers count again and again, a hundred times in all.
func countFrom(t *testing.T, client *graph.Client, callers int) *graph.Stats {
	t.Helper()
	stats := new(graph.Stats)
	var left atomic.Int64
	left.Store(100)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := client.Count(t.Context(), graph.Query{}, stats); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return stats
}

func TestARefusalToOneRequestSlowsAllDown(t *testing.T) {
	for _, most := range []int64{1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			service := new(crowded)
			service.most.Store(most)
			client := headered(service.answer).client(t, graph.Config{})
			started := time.Now()
			stats := countFrom(t, client, 16)
			took, alone := time.Since(started), 100*100*time.Millisecond
			t.Logf("%d at once: %s with %d refusals; one after the other takes %s", most, took, stats.Throttled(), alone)
			if refused := service.refused.Load(); refused == 0 || int(refused) != stats.Throttled() || refused > 60 {
				t.Errorf("%d were refused and %d reported", refused, stats.Throttled())
			}
			if took > alone*2 {
				t.Errorf("sixteen callers took %s", took)
			}
		})
	}
}

// TestAfterARefusalNobodyIsSentBeforeItsTime has others ready to send.
func TestAfterARefusalNobodyIsSentBeforeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []time.Duration
		started := time.Now()
		var pauses atomic.Int64
		client := headered(func(*http.Request) (int, string, http.Header) {
			mu.Lock()
			sent = append(sent, time.Since(started))
			first := len(sent) == 1
			mu.Unlock()
			if first {
				return http.StatusTooManyRequests, "{}", http.Header{"Retry-After": {"20"}}
			}
			return http.StatusOK, "7", nil
		}).client(t, graph.Config{OnPause: func(retry.Pause) { pauses.Add(1) }})
		go func() { _, _ = client.Count(t.Context(), graph.Query{}, new(graph.Stats)) }()
		time.Sleep(time.Second)
		countFrom(t, client, 8)
		for _, at := range sent[1:] {
			if at < 20*time.Second {
				t.Fatalf("a request was sent after %s", at)
			}
		}
		if n := pauses.Load(); n != 1 {
			t.Errorf("the one pause was shown %d times", n)
		}
	})
}

// TestAQuotaThatIsNearlyUsedUpIsNotUsedByManyAtOnce compares one caller with sixteen.
func TestAQuotaThatIsNearlyUsedUpIsNotUsedByManyAtOnce(t *testing.T) {
	var took []time.Duration
	for _, callers := range []int{1, 16} {
		synctest.Test(t, func(t *testing.T) {
			var underWay, late atomic.Int64
			var answered atomic.Int64
			client := headered(func(*http.Request) (int, string, http.Header) {
				n := underWay.Add(1)
				defer underWay.Add(-1)
				time.Sleep(100 * time.Millisecond)
				if answered.Add(1) > 40 && n > 2 {
					late.Add(1)
				}
				return http.StatusOK, "7", http.Header{"X-Ms-Throttle-Limit-Percentage": {"0.9"}}
			}).client(t, graph.Config{})
			started := time.Now()
			countFrom(t, client, callers)
			took = append(took, time.Since(started))
			if n := late.Load(); n > 0 {
				t.Errorf("%d callers: %d requests were still sent with others", callers, n)
			}
		})
	}
	if took[1] > took[0]*11/10 {
		t.Errorf("one caller took %s, sixteen took %s", took[0], took[1])
	}
}

func TestMoreRequestsAreSentAgainWhenGraphHasRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := new(crowded)
		service.most.Store(2)
		client := headered(service.answer).client(t, graph.Config{})
		countFrom(t, client, 16)
		service.most.Store(100)
		for range 200 { // at most five minutes pass before there is one more
			time.Sleep(5 * time.Minute)
			countFrom(t, client, 1)
		}
		service.peak.Store(0)
		countFrom(t, client, 16)
		if peak := service.peak.Load(); peak != 16 {
			t.Errorf("at most %d requests are under way", peak)
		}
	})
}

func TestAWaitForOthersEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := new(crowded)
		service.most.Store(1)
		client := headered(service.answer).client(t, graph.Config{})
		countFrom(t, client, 16)
		go func() { _, _ = client.Count(t.Context(), graph.Query{}, new(graph.Stats)) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		started := time.Now()
		if _, err := client.Count(ctx, graph.Query{}, new(graph.Stats)); err == nil || time.Since(started) > 20*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
		time.Sleep(time.Minute) // the other one ends
	})
}
