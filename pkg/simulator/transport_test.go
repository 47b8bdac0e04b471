package simulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// open sends a request and leaves the body unread.
func (c *client) open(ctx context.Context, path string) *http.Response {
	c.t.Helper()
	r := c.request(ctx, http.MethodGet, graphURL+"/v1.0"+path, "")
	r.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.tenant.Transport().RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

func TestLatencyAndBandwidthAreVirtualInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 999, Latency: 250 * time.Millisecond, Bandwidth: 100_000})
		start := time.Now()
		response := c.open(t.Context(), "/users?$top=999")
		if took := time.Since(start); took != 250*time.Millisecond {
			t.Errorf("the headers took %v", took)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		want := 250*time.Millisecond + time.Duration(len(body))*10*time.Microsecond
		if took := time.Since(start); err != nil || took < want-10*time.Millisecond || took > want+10*time.Millisecond {
			t.Errorf("%d bytes took %v, want %v: %v", len(body), took, want, err)
		}
	})
}

func TestTheLinkArrivesBeforeTheUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 999, Bandwidth: 10_000})
		response := c.open(t.Context(), "/users?$top=500&$select=id")
		defer func() { _ = response.Body.Close() }()
		start := time.Now()
		head := make([]byte, 300)
		if _, err := io.ReadFull(response.Body, head); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("the first 300 bytes took %v", took)
		}
	})
}

func TestASecondPageCanBeReadWhileTheFirstStillArrives(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 999})
	link := c.page("/users?$top=500&$select=id").Next
	c.tenant.ForgetRequests()
	response := c.open(t.Context(), "/users?$top=500")
	c.page(link)
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	seen := c.tenant.Requests()
	if len(seen) != 2 || seen[0].Page != 1 || seen[1].Page != 2 || seen[1].Started.After(seen[0].LastByte) {
		t.Errorf("%+v", seen)
	}
}

func TestAClientThatGivesUpFreesTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []string{"stall", "stall-headers", "slow-body"} {
			tenant := simulator.New(simulator.Config{Users: 500, Faults: []simulator.Fault{{Name: fault}}})
			c := clientOf(t, tenant)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r := c.request(ctx, http.MethodGet, graphURL+"/v1.0/users?$top=500", "")
			r.Header.Set("Authorization", "Bearer "+c.token)
			a := c.do(r)
			if !errors.Is(a.err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", fault, a.err)
			}
			cancel()
			synctest.Wait() // the bubble would not end while a handler runs
			seen := tenant.Requests()
			if last := seen[len(seen)-1]; !last.Done {
				t.Errorf("%s: the handler still runs", fault)
			}
		}
	})
}

func TestABodyClosedEarlyFreesTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 999})
		_ = c.open(t.Context(), "/users?$top=999").Body.Close()
		synctest.Wait()
		seen := c.tenant.Requests()
		if last := seen[len(seen)-1]; !last.Done || last.Bytes > 100_000 {
			t.Errorf("%+v", last)
		}
	})
}

func TestARequestWithACancelledContextIsNotSent(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 9})
	c.tenant.ForgetRequests()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	response, err := c.tenant.Transport().RoundTrip(c.request(ctx, http.MethodGet, graphURL+"/v1.0/users", ""))
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || len(c.tenant.Requests()) != 0 {
		t.Errorf("%v, %d requests", err, len(c.tenant.Requests()))
	}
}
