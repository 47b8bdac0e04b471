package page_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/page"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const subject = "48218226-ff3c-44bf-a809-3d904200910d"

func happened(t *testing.T, f *page.Feed, kind, data string) {
	t.Helper()
	e := bus.Event{ID: "1", Source: "urn:x", Type: "rollcall.user." + kind, Subject: subject, Time: time.Date(2026, 11, 28, 14, 3, 5, 0, time.UTC), Data: []byte(data)}
	if err := f.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, f *page.Feed) {
	t.Helper()
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestChangesAreShownOnceTheyAreAcknowledged(t *testing.T) {
	f := page.NewFeed()
	s := openWith(t, simulator.Config{}, page.Config{Changes: f})
	_, html := s.browse(t, "/changes")
	want(t, html, "Everybody is being read", "Nothing has changed yet")
	f.Round(1000, nil)
	_, html = s.browse(t, "/changes")
	want(t, html, "1,000 people at present", "Watching since", "Looked last at")
	happened(t, f, "created", `{"user":{"displayName":"Anna <b>Weber</b>","userPrincipalName":"anna@contoso.example"}}`)
	_, html = s.browse(t, "/changes")
	want(t, html, "Nothing has changed yet")
	flush(t, f)
	happened(t, f, "updated", `{"user":{"displayName":"\u202eAnna","department":"Marketing","accountEnabled":false,"createdDateTime":"2026-01-02T03:04:05Z"},"changed":["department","accountEnabled","createdDateTime","a","b","c","d","e"],"before":{"department":"Sales","accountEnabled":true,"createdDateTime":null}}`)
	happened(t, f, "deleted", `{"user":{"userPrincipalName":"ben@contoso.example"}}`)
	happened(t, f, "restored", `[]`)
	happened(t, f, "purged", `{"user":null}`)
	flush(t, f)
	_, html = s.browse(t, "/changes")
	want(t, html, "All 5", "Joined 1", "Left 1", "Changed 1", "Came back 1", "Gone for good 1", "14:03:05 Joined Anna <b>Weber</b> anna@contoso.example",
		"Department: Sales → became Marketing", "Account enabled: Yes → became No", "Created date time: empty → became 2026-01-02 03:04", "and 2 more", "Left ben@contoso.example", `\u202eAnna`, "What changed cannot be read", "Gone for good "+subject)
	if strings.Contains(html, "<b>Weber") || strings.Contains(html, "\u202e") {
		t.Error("a name is more than text")
	}
	if hrefs(html)["Anna <b>Weber</b>"] != "/users/"+subject || hrefs(html)["ben@contoso.example"] != "" {
		t.Error(hrefs(html))
	}
	_, html = s.browse(t, hrefs(html)["Left 1"])
	want(t, html, "ben@contoso.example")
	if strings.Contains(text(html), "Anna") {
		t.Error("others are shown, too")
	}
}

func TestWhatWasNotAcknowledgedIsNotShown(t *testing.T) {
	f := page.NewFeed()
	s := openWith(t, simulator.Config{}, page.Config{Changes: f})
	happened(t, f, "created", `{"user":{"displayName":"Anna"}}`)
	f.Close()
	flush(t, f)
	_, html := s.browse(t, "/changes")
	want(t, html, "All 0", "Nothing has changed yet")
}

func TestAFeedKeepsTheLastChangesAndCountsAll(t *testing.T) {
	f := page.NewFeed()
	s := openWith(t, simulator.Config{}, page.Config{Changes: f})
	for i := range 1700 {
		happened(t, f, "created", fmt.Sprintf(`{"user":{"displayName":"Person %d."}}`, i))
		if i%850 == 0 {
			flush(t, f)
		}
	}
	flush(t, f)
	_, html := s.browse(t, "/changes")
	want(t, html, "All 1,700", "the oldest are no longer kept", "Person 1699.", "Person 1200.")
	if strings.Contains(html, "Person 1199.") || strings.Count(html, "<tr data-number") != 500 {
		t.Errorf("%d rows", strings.Count(html, "<tr data-number"))
	}
	if !strings.Contains(html, `data-number="1700"`) || !strings.Contains(html, `data-number="1201"`) {
		t.Error("the numbers are wrong")
	}
}

func TestAFeedThatFailsSaysSo(t *testing.T) {
	f := page.NewFeed()
	s := openWith(t, simulator.Config{}, page.Config{Changes: f})
	f.Round(7, nil)
	f.Round(0, errors.New("no <network>"))
	_, html := s.browse(t, "/changes")
	want(t, html, "Not up to date: no <network> Nothing is lost; it is tried again.", "7 people")
	f.Round(8, nil)
	_, html = s.browse(t, "/changes")
	want(t, html, "Watching since", "8 people")
	f.End(errors.New("no delta"))
	_, html = s.browse(t, "/changes")
	want(t, html, "Not up to date: no delta")
	_, html = open(t, simulator.Config{}).browse(t, "/changes")
	want(t, html, "Changes are not watched", "rollcall serve --watch")
}

func TestAPageIsLiveWithoutScriptsAndCanBePaused(t *testing.T) {
	s := openWith(t, simulator.Config{}, page.Config{Changes: page.NewFeed()})
	_, html := s.browse(t, "/changes?kind=left")
	if !strings.Contains(html, `<noscript><meta http-equiv="refresh" content="10"></noscript>`) || !strings.Contains(html, `data-events="/changes/events"`) {
		t.Error("it is not live")
	}
	_, html = s.browse(t, hrefs(html)["Pause"])
	if strings.Contains(html, "http-equiv") || strings.Contains(html, "data-events") || hrefs(html)["Go on"] != "/changes?kind=left" {
		t.Errorf("it is not paused: %s", hrefs(html)["Go on"])
	}
}

// stream is a recorder that may be read while it is written.
type stream struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ResponseRecorder.Write(p)
}

func (s *stream) changes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.Body.String(), "event: change\ndata: new\n\n")
}

func TestPagesHearThatThereIsSomethingNewAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := page.NewFeed()
		s := openWith(t, simulator.Config{}, page.Config{Changes: f})
		ctx, cancel := context.WithCancel(t.Context())
		var all []*stream
		var listening sync.WaitGroup
		for i := range 66 {
			w := &stream{ResponseRecorder: httptest.NewRecorder()}
			all = append(all, w)
			listening.Go(func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/changes/events", http.NoBody)
				if i == 0 {
					r = r.WithContext(t.Context())
				}
				s.page.ServeHTTP(w, r)
			})
			synctest.Wait()
		}
		if last := all[65]; last.Code != http.StatusServiceUnavailable || last.Header().Get("Retry-After") == "" {
			t.Errorf("the last one: %d", last.Code)
		}
		if h := all[0].Header(); h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Security-Policy") == "" {
			t.Error(h)
		}
		happened(t, f, "created", `{"user":{"displayName":"Anna"}}`)
		synctest.Wait()
		if n := all[0].changes(); n != 0 {
			t.Errorf("%d before it is acknowledged", n)
		}
		for range 100 { // a second's worth
			happened(t, f, "created", `{}`)
			flush(t, f)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		if n := all[0].changes(); n < 1 || n > 2 {
			t.Errorf("%d changes are told", n)
		}
		time.Sleep(time.Minute)
		all[0].mu.Lock()
		if body := all[0].Body.String(); strings.Contains(body, "Anna") || strings.Count(body, ": nothing new") < 3 {
			t.Error(body)
		}
		all[0].mu.Unlock()
		cancel() // all but the first go
		synctest.Wait()
		f.End(nil) // and it hears of the end
		listening.Wait()
	})
}
