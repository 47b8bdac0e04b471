package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// scripted answers each request with a status and a body; it honours the
// request's context and takes a tenth of a second.
type scripted func(r *http.Request) (status int, body string)

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(100 * time.Millisecond):
	}
	status, body := s(r)
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func (s scripted) client(t *testing.T, attempts int) *graph.Client {
	t.Helper()
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: s, Attempts: attempts})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAnExpiredTokenOfAnUndisturbedPageIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 600, Faults: []simulator.Fault{fault(t, "expired-token:4x*")}})
		_, err := readAll(t.Context(), newClient(t, tenant, tenant.Transport()).Pager(graph.Query{Top: 100}))
		var answer *graph.Error
		if !errors.As(err, &answer) || !answer.PageToken() {
			t.Fatalf("error %v", err)
		}
		if n := len(listRequests(tenant)); n != 4 {
			t.Errorf("%d requests, want one for each of four pages", n)
		}
	})
}

func TestOnlyALostTokenLeadsBackToAnUndisturbedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 600, Faults: []simulator.Fault{fault(t, "503:3"), fault(t, "403:4")}})
		_, err := readAll(t.Context(), newClient(t, tenant, tenant.Transport()).Pager(graph.Query{Top: 100}))
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Status != http.StatusForbidden {
			t.Fatalf("error %v", err)
		}
		if n := len(listRequests(tenant)); n != 5 {
			t.Errorf("%d requests, want four pages and one retry", n)
		}
	})
}

func TestATokenThatIsLostAgainAfterGoingBackEndsTheChain(t *testing.T) {
	// The second page always needs a retry, and the link that its retry gives is
	// never good.
	synctest.Test(t, func(t *testing.T) {
		second := 0
		transport := scripted(func(r *http.Request) (int, string) {
			switch token := r.URL.Query().Get("$skiptoken"); token {
			case "":
				return 200, page(r, 1, 3)
			case "2":
				if second++; second%2 == 1 {
					return 503, ""
				}
				return 200, page(r, 2, 3)
			default:
				return 400, `{"error":{"code":"Directory_ExpiredPageToken"}}`
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		n, err := readAll(ctx, transport.client(t, 3).Pager(graph.Query{}))
		var answer *graph.Error
		if !errors.As(err, &answer) || !answer.PageToken() || n != 3 || second != 4 {
			t.Errorf("%d users, the second page was asked for %d times: %v", n, second, err)
		}
	})
}

func TestAPageTokenOfOurCallersThatIsNoLongerGoodIsToldAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 250})
		_, err := newClient(t, tenant, tenant.Transport()).Page(t.Context(), graph.Query{Top: 100}, "RFNwdA+mangled&$top=1")
		var answer *graph.Error
		if !errors.As(err, &answer) || !answer.PageToken() {
			t.Errorf("error %v", err)
		}
		for _, r := range listRequests(tenant) {
			if strings.Count(r.RawQuery, "$top=") != 1 {
				t.Errorf("the token changed the query: %s", r.RawQuery)
			}
		}
	})
}

func TestABodyThatBreaksBehindALinkStillBelongsToAContinuation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := scripted(func(r *http.Request) (int, string) {
			if r.URL.Query().Get("$skiptoken") == "" {
				return 200, page(r, 1, 2)
			}
			return 200, fmt.Sprintf(`{"value":[{"mail":"anna.canary@contoso.example"%s`, `} anna.canary`)
		})
		_, err := readAll(t.Context(), transport.client(t, 2).Pager(graph.Query{}))
		var answer *graph.Error
		if !errors.As(err, &answer) || !answer.Continuation || answer.Status != 0 {
			t.Fatalf("error %v", err)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows a person: %v", err)
		}
	})
}

// silent is a transport whose bodies begin and then say nothing until the
// request is given up.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`{"value":[`+someone+`,`), untilGivenUp{r.Context()})
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
}

type untilGivenUp struct{ ctx context.Context }

func (u untilGivenUp) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, u.ctx.Err()
}

func TestABodyThatOurOwnLimitEndsIsNotCalledACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: silent{}, Attempts: 2})
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
