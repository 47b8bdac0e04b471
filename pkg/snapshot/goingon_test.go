package snapshot_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// unranged refuses requests whose filter compares names, on the paths that end so.
type unranged struct {
	http.RoundTripper
	path string
}

func (u *unranged) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, u.path) || !strings.Contains(r.URL.Query().Get("$filter"), "userPrincipalName") {
		return u.RoundTripper.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)),
	}, nil
}

func TestRangesThatGraphRefusesAreReadAsOneChain(t *testing.T) {
	for _, path := range []string{"/users", "/users/$count"} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{Users: 2000})
			transport := &unranged{tenant.Transport(), path}
			client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			listing := list.New(client, listtest.Parallel(4), nil)
			users := 0
			for _, err := range listing.Users(t.Context()) {
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				users++
			}
			if users != 2000 || !listing.Report().Verified {
				t.Errorf("%s: %d users, %+v", path, users, listing.Report())
			}
		})
	}
}

// TestWhatWasReadBeforeALongPauseIsKept: Graph asks for a longer pause than is
// waited for, after some pages.
func TestWhatWasReadBeforeALongPauseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 2000, Faults: listtest.Faults(t, "503:9x20")})
		result, err := w.snapshot().Run(t.Context(), snapshot.Input{Run: "r"})
		if err != nil || result.Status != snapshot.Continue || result.Pages != 8 || result.Users != 800 {
			t.Fatalf("after eight pages it answers %+v, %v", result, err)
		}
		_, err = w.snapshot().Run(t.Context(), snapshot.Input{Resume: result.Resume})
		mustBeCalled(t, err, "Graph.Unavailable") // a slice without a page never goes on
		time.Sleep(time.Hour)
		if _, _, err := w.run(t.Context(), snapshot.Input{Resume: result.Resume}, 0); err != nil {
			t.Fatal(err)
		}
		if m := w.mustHold(t, "r"); m.Passes != 1 || m.Duplicates != 0 {
			t.Errorf("%+v", m)
		}
	})
}

// TestCredentialsThatAreGoneHalfWayLeaveTheLastList: Graph takes no token from the
// ninth page on, whatever is bought anew.
func TestCredentialsThatAreGoneHalfWayLeaveTheLastList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 2000})
		if _, _, err := w.run(t.Context(), snapshot.Input{Run: "good"}, 0); err != nil {
			t.Fatal(err)
		}
		before := w.kept.Keys()
		w.move(t, simulator.Config{Users: 2000, Faults: listtest.Faults(t, "401:9x2")}) // the token, and the one bought anew
		_, _, err := w.run(t.Context(), snapshot.Input{Run: "next"}, 0)
		mustBeCalled(t, err, "Credentials.Rejected")
		if m, ids := w.latest(t); m.Run != "good" || len(ids) != 2000 {
			t.Errorf("latest is run %s with %d users", m.Run, len(ids))
		}
		if after := w.kept.Keys(); len(after) != len(before) || w.kept.Pending() > 0 {
			t.Errorf("%d objects are there, before there were %d; %d uploads are open", len(after), len(before), w.kept.Pending())
		}
		if _, _, err := w.run(t.Context(), snapshot.Input{Run: "next"}, 0); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t, "next")
	})
}

func TestABusThatIsDownKeepsNoOtherFromItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 300})
		down := &outbox{fail: errors.New("down")}
		s := w.snapshot()
		s.Announcements = append([]snapshot.Announcement{{Open: func() snapshot.Bus { return &mail{to: down} }}}, s.Announcements...)
		if _, err := s.Run(t.Context(), snapshot.Input{Run: "r"}); err == nil {
			t.Error("nobody is told that a bus was down")
		}
		if len(w.box.events) != 1 {
			t.Errorf("the other bus got %d events", len(w.box.events))
		}
	})
}
