package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheNextPageIsRequestedBeforeThisOneHasArrived(t *testing.T) {
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

func TestOnlyOnePageIsPrefetched(t *testing.T) {
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

func TestAReaderMayPauseAndAStalledBodyMayNot(t *testing.T) {
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

func TestAPageThatIsNotReadToItsEndIsAnError(t *testing.T) {
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

func TestAnExpiredTokenOfAPageThatNeededNoRetryIsNotRetried(t *testing.T) {
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

func TestThePagerGoesBackOnlyForALostToken(t *testing.T) {
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

func TestATokenThatIsLostTwiceEndsTheList(t *testing.T) {
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

func TestTheErrorOfABrokenBodySaysThatALinkWasFollowed(t *testing.T) {
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
