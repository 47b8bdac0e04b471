package graph_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAPageIsRequestedUncompressedOverHTTP11(t *testing.T) {
	client, _ := overTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Accept") != "application/json" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = w.Write([]byte(page(r, 1, 1)))
	})
	if n, err := readAll(t.Context(), client.Pager(graph.Query{})); n != 1 || err != nil {
		t.Errorf("%d users, %v", n, err)
	}
}

func TestEveryRequestHasAnIDOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 500, Faults: []simulator.Fault{fault(t, "503:2")}})
		if _, err := readAll(t.Context(), newClient(t, tenant, tenant.Transport()).Pager(graph.Query{Top: 100})); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, r := range listRequests(tenant) {
			if len(r.ClientRequestID) != 36 || seen[r.ClientRequestID] {
				t.Errorf("client-request-id %q", r.ClientRequestID)
			}
			seen[r.ClientRequestID] = true
		}
	})
}

// stalling is a transport whose bodies begin and then stall until the request is
// cancelled.
type stalling struct{}

func (stalling) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`{"value":[`+someone+`,`), untilCancelled{r.Context()})
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
}

type untilCancelled struct{ ctx context.Context }

func (u untilCancelled) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, u.ctx.Err()
}

func TestABodyThatStallsIsNotReportedAsACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: stalling{}, Attempts: 2})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		n, err := readAll(t.Context(), client.Pager(graph.Query{}))
		if n != 1 || err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the response stalled") {
			t.Errorf("%d users, %v; want one and that the response stalled", n, err)
		}
		if took := time.Since(started); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("two attempts took %v, want half a minute each", took)
		}
	})
}

func TestACancelledListEndsAtOnceWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 300, Faults: []simulator.Fault{fault(t, "stall:2")}})
		client := newClient(t, tenant, tenant.Transport())
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(cause) })
		started := time.Now()
		_, err := readAll(ctx, client.Pager(graph.Query{Top: 100}))
		if !errors.Is(err, cause) || time.Since(started) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(started), err)
		}
	})
}
