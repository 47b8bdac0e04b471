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

func newClient(t *testing.T, tenant *simulator.Tenant, transport http.RoundTripper) *graph.Client {
	t.Helper()
	c, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fault(t *testing.T, name string) simulator.Fault {
	t.Helper()
	f, err := simulator.ParseFault(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func listRequests(tenant *simulator.Tenant) []simulator.Request {
	var list []simulator.Request
	for _, r := range tenant.Requests() {
		if r.Kind == "list" {
			list = append(list, r)
		}
	}
	return list
}

// readAll reads a pager and returns how many users it delivered.
func readAll(ctx context.Context, pager *graph.Pager) (users int, err error) {
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return users, err
		}
		for _, err := range page.Users() {
			if err != nil {
				return users, err
			}
			users++
		}
	}
	return users, nil
}

func TestTheNextPageIsAskedForBeforeThisOneHasArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000, Latency: 200 * time.Millisecond, Bandwidth: 1 << 18})
		client := newClient(t, tenant, tenant.Transport())
		if n, err := readAll(t.Context(), client.Pager(graph.Query{Top: 100})); n != 1000 || err != nil {
			t.Fatalf("%d users, %v", n, err)
		}
		pages := listRequests(tenant)
		if len(pages) != 10 {
			t.Fatalf("%d pages, want 10", len(pages))
		}
		for i := range pages[:9] {
			if !pages[i+1].Started.Before(pages[i].LastByte) {
				t.Errorf("page %d was asked for %v after page %d had arrived", i+2, pages[i+1].Started.Sub(pages[i].LastByte), i+1)
			}
		}
	})
}

func TestOnlyOnePageIsAskedForAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000})
		client := newClient(t, tenant, tenant.Transport())
		pages := 0
		for page, err := range client.Pager(graph.Query{Top: 100}).Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, err := range page.Users() {
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if asked := len(listRequests(tenant)); asked > pages+1 {
					t.Fatalf("while page %d is read, %d pages have been asked for", pages, asked)
				}
			}
		}
	})
}

func TestAReaderMayTakeItsTimeAndAStalledBodyMayNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 300, Faults: []simulator.Fault{fault(t, "stall:3")}})
		client := newClient(t, tenant, tenant.Transport())
		pager := client.Pager(graph.Query{Top: 100})
		users := 0
		for page, err := range pager.Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range page.Users() {
				if err != nil {
					t.Fatal(err)
				}
				if users++; users%50 == 0 {
					time.Sleep(10 * time.Minute)
				}
			}
		}
		if users != 300 || pager.Stats.Retries() != 1 {
			t.Errorf("%d users, %d retries; want 300 and one retry, of the page that stalled", users, pager.Stats.Retries())
		}
	})
}

func TestAWaitThatTheDeadlineDoesNotAllowIsNotBegun(t *testing.T) {
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

func TestARetryAfterThatIsTooLongIsAnError(t *testing.T) {
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

func TestAnAdvancedQuerySendsItsHeaderOnEveryPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000})
		client := newClient(t, tenant, tenant.Transport())
		n, err := readAll(t.Context(), client.Pager(graph.Query{Top: 100, Filter: "accountEnabled ne false"}))
		if err != nil || n == 0 || n == 1000 {
			t.Fatalf("%d users, %v", n, err)
		}
		for _, r := range listRequests(tenant) {
			if r.ConsistencyLevel != "eventual" {
				t.Errorf("page %d: ConsistencyLevel %q", r.Page, r.ConsistencyLevel)
			}
		}
		counted, err := client.Count(t.Context(), graph.Query{Filter: "accountEnabled ne false"}, new(graph.Stats))
		if err != nil || counted != n {
			t.Errorf("the count with the same filter is %d, %v; %d were listed", counted, err, n)
		}
	})
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

func TestAReaderThatStopsStopsTheRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 100_000})
		client := newClient(t, tenant, tenant.Transport())
		for page, err := range client.Pager(graph.Query{Top: 100}).Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range page.Users() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			break
		}
		synctest.Wait()
		asked := len(tenant.Requests())
		time.Sleep(time.Hour)
		if later := len(tenant.Requests()); later != asked || asked > 4 {
			t.Errorf("%d requests when the reader stopped, %d an hour later", asked, later)
		}
	})
}

func TestAPageLeftUnreadIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 300})
		client := newClient(t, tenant, tenant.Transport())
		var last error
		for page, err := range client.Pager(graph.Query{Top: 100}).Pages(t.Context()) {
			last = err
			if err == nil {
				for _, err := range page.Users() {
					if err != nil {
						t.Fatal(err)
					}
					break // and go on to the next page
				}
			}
		}
		if last == nil {
			t.Error("users were left behind without an error")
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
