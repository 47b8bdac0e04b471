package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAnAbortedAnswerIsNoWholeArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 950})
		for _, target := range []string{ndjsonURL, csvURL, pageURL} {
			whole := s.ask(t, http.MethodGet, target, "Accept-Encoding", "gzip").Body.Len()
			cuts := []int{0, 1, 20, whole / 2, whole - 9, whole - 8, whole - 1}
			if target == pageURL {
				cuts = cuts[:4] // how well the random token of its link compresses differs
			}
			for _, after := range cuts {
				w := &cable{ResponseRecorder: httptest.NewRecorder(), left: after}
				aborted := aborts(func() { s.serve(t, w, http.MethodGet, target, "Accept-Encoding", "gzip") })
				if _, err := unpack(t, w.Body.Bytes()); err == nil || !aborted {
					t.Errorf("%s, broken after %d of %d bytes: unpacked %v, aborted %v", target, after, whole, err, aborted)
				}
			}
		}
	})
}

type cable struct {
	*httptest.ResponseRecorder
	left int
}

func (c *cable) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.ResponseRecorder.Write(p)
	}
	n, _ := c.ResponseRecorder.Write(p[:c.left])
	c.left = 0
	return n, errors.New("broken pipe")
}

func aborts(handle func()) (aborted bool) {
	defer func() {
		reason, _ := recover().(error)
		aborted = errors.Is(reason, http.ErrAbortHandler)
	}()
	handle()
	return false
}

type hiccup struct {
	*httptest.ResponseRecorder
	had bool
}

func (h *hiccup) Write(p []byte) (int, error) {
	if !h.had {
		h.had = true
		return 0, errors.New("hiccup")
	}
	return h.ResponseRecorder.Write(p)
}

func TestAnAnswerWithAGapIsAborted(t *testing.T) {
	s := noisy(t)
	for _, target := range []string{ndjsonURL, csvURL, pageURL} {
		w := &hiccup{ResponseRecorder: httptest.NewRecorder()}
		if !aborts(func() { s.serve(t, w, http.MethodGet, target, "Accept-Encoding", "gzip") }) {
			t.Errorf("%s: it ends as if nothing were missing", target)
		}
	}
}

type trap struct {
	*httptest.ResponseRecorder
	left int
}

func (p *trap) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		panic("kim@contoso.com")
	}
	return p.ResponseRecorder.Write(b)
}

func TestAPanicLeavesNoWholeArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 3000, Latency: time.Second})
		for _, after := range []int{0, 1000, 100_000} {
			w := &trap{httptest.NewRecorder(), after}
			panicked := false
			func() {
				defer func() { panicked = recover() != nil }()
				s.serve(t, w, http.MethodGet, ndjsonURL, "Accept-Encoding", "gzip")
			}()
			if text, err := unpack(t, w.Body.Bytes()); err == nil || !panicked || strings.Contains(text, "@rollcall.complete") {
				t.Errorf("after %d bytes: unpacked %v, panicked %v", after, err, panicked)
			}
		}
	})
}

func TestACallerWhoHasGoneEndsTheReading(t *testing.T) {
	for _, encoding := range []string{"identity", "gzip"} {
		for _, target := range []string{ndjsonURL, csvURL} {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, simulator.Config{Users: 50_000, Latency: time.Second})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Second, cancel)
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
				r.Header.Set("Accept-Encoding", encoding)
				started := time.Now()
				s.handler.ServeHTTP(httptest.NewRecorder(), r)
				synctest.Wait()
				if n, took := len(s.tenant.Requests()), time.Since(started); n > 20 || took > 10*time.Second {
					t.Errorf("%s, %s: %d requests in %v for a caller who went after 10 s", target, encoding, n, took)
				}
			})
		}
	}
}

func TestAFailedTableIsAnErrorThatIsNotCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1050, Faults: []simulator.Fault{{Name: "early-end", Page: 6}}})
		w, b := s.get(t, csvURL, "Accept-Encoding", "gzip")
		if w.Code != http.StatusServiceUnavailable || b.Error.Code != "Snapshot.Incomplete" || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	})
}
