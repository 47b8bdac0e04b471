package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// unpack returns what a gzip stream unpacks to, and an error unless it is whole.
func unpack(t *testing.T, body []byte) (string, error) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	plain, err := io.ReadAll(z)
	return string(plain), err
}

// closes returns the last line of a stream, and whether the stream has one that
// says whether it is complete.
func closes(stream string) (complete, failed bool) {
	last := stream[strings.LastIndexByte(strings.TrimSuffix(stream, "\n"), '\n')+1:]
	return strings.HasPrefix(last, `{"@rollcall.complete":true`), strings.HasPrefix(last, `{"@rollcall.complete":false`)
}

var errTooLong = errors.New("too long")

// host is a writer that takes only so much, as those of package trigger do: all
// of a part or nothing, and then, if it has a reserve, one small part.
type host struct {
	*httptest.ResponseRecorder
	left, reserve int
	refused       bool
}

func (h *host) Room() int { return h.left }

func (h *host) Refuse() error {
	if h.left = 0; !h.refused {
		h.refused, h.left = true, h.reserve
	}
	return errTooLong
}

func (h *host) Write(p []byte) (int, error) {
	if len(p) > h.left {
		return 0, h.Refuse()
	}
	h.left -= len(p)
	if h.refused {
		h.left = 0
	}
	return h.ResponseRecorder.Write(p)
}

const (
	ndjsonURL = "https://api.example/users?$format=ndjson"
	csvURL    = "https://api.example/users?$format=csv"
	pageURL   = "https://api.example/users?$top=100"
)

func TestACompressedStreamAtItsLimitEndsAsItShould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 700})
		whole := s.ask(t, http.MethodGet, ndjsonURL, "Accept-Encoding", "gzip").Body.Len()
		completed := 0
		for limit := 0; limit < whole+40_000; limit += 1 + rand.IntN(300) {
			h := &host{ResponseRecorder: httptest.NewRecorder(), left: limit, reserve: 4 << 10}
			s.serve(t, h, http.MethodGet, ndjsonURL, "Accept-Encoding", "gzip")
			if sent := h.Body.Len(); sent > limit+h.reserve || !h.refused && sent > limit {
				t.Fatalf("%d bytes were sent where %d are taken", sent, limit)
			}
			text, err := unpack(t, h.Body.Bytes())
			complete, failed := closes(text)
			if err != nil || complete == failed || failed != h.refused || strings.Count(text, "@rollcall.complete") != 1 {
				t.Fatalf("limit %d: %v, complete %v, failed %v, refused %v: %s", limit, err, complete, failed, h.refused, text[max(0, len(text)-200):])
			}
			if complete {
				completed++
			}
			if failed && h.Body.Len() < limit-10<<10 {
				t.Errorf("only %d bytes of %d were used", h.Body.Len(), limit)
			}
		}
		if completed == 0 {
			t.Error("none was complete")
		}
	})
}

// noisy serves 100 users with 3 kB each that do not compress well.
func noisy(t *testing.T) *served {
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"[rand.IntN(64)]
	}
	return serveFrom(t, answering(t, func(r *http.Request) string {
		switch {
		case strings.HasSuffix(r.URL.Path, "/delta"):
			return `{"value":[],"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a"}`
		case strings.HasSuffix(r.URL.Path, "/$count"):
			return "100"
		}
		var page strings.Builder
		for i := range 100 {
			fmt.Fprintf(&page, `,{"id":"00000000-0000-4000-8000-%012d","displayName":"%s"}`, i, noise[i*3000:(i+1)*3000])
		}
		return `{"value":[` + page.String()[1:] + `]}`
	}), "id", "displayName")
}

func TestWhatCannotBeCompressedKeepsToTheLimit(t *testing.T) {
	s := noisy(t)
	for limit := range 60 {
		h := &host{ResponseRecorder: httptest.NewRecorder(), left: limit * 5000, reserve: 4 << 10}
		s.serve(t, h, http.MethodGet, ndjsonURL, "Accept-Encoding", "gzip")
		text, err := unpack(t, h.Body.Bytes())
		if complete, failed := closes(text); err != nil || complete == failed || failed != h.refused {
			t.Fatalf("limit %d: %v, %d bytes, refused %v", limit*5000, err, h.Body.Len(), h.refused)
		}
	}
}

func TestAnAnswerThatDoesNotFitIsRefusedCompressedOrNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 950})
		for _, target := range []string{ndjsonURL, csvURL, pageURL} {
			whole := s.ask(t, http.MethodGet, target, "Accept-Encoding", "gzip").Body.Len()
			for _, limit := range []int{100, whole / 2, whole - 1} {
				h := &host{ResponseRecorder: httptest.NewRecorder(), left: limit}
				func() {
					defer func() { _ = recover() }()
					s.serve(t, h, http.MethodGet, target, "Accept-Encoding", "gzip")
				}()
				if !h.refused {
					t.Errorf("%s: %d bytes went where %d are taken, of %d", target, h.Body.Len(), limit, whole)
				}
			}
		}
	})
}

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

// cable passes on what fits and then is broken for good.
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

// aborts reports whether a handler breaks its answer off.
func aborts(handle func()) (aborted bool) {
	defer func() {
		reason, _ := recover().(error)
		aborted = errors.Is(reason, http.ErrAbortHandler)
	}()
	handle()
	return false
}

// hiccup loses its first part, and passes on the others.
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

// trap passes on what fits and then panics.
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

// sent notes how much had been sent at which flush.
type sent struct {
	*httptest.ResponseRecorder
	at   []time.Time
	size []int
}

func (s *sent) Flush() {
	s.at, s.size = append(s.at, time.Now()), append(s.size, s.Body.Len())
}

func TestTheUsersOfASlowTenantArriveWithTheirPagesAndStillCompressWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 2000, Latency: 3 * time.Second})
		w := &sent{ResponseRecorder: httptest.NewRecorder()}
		s.serve(t, w, http.MethodGet, ndjsonURL, "Accept-Encoding", "gzip")
		for _, r := range s.tenant.Requests() {
			if r.Kind != "list" {
				continue
			}
			had := 0
			for i, at := range w.at {
				if at.Sub(r.LastByte) > 600*time.Millisecond {
					break
				}
				part, _ := unpack(t, w.Body.Bytes()[:w.size[i]])
				had = strings.Count(part, "\n")
			}
			if want := min(2000, r.Page*100); had < want {
				t.Errorf("%d users had been sent when page %d had come, want %d", had, r.Page, want)
			}
		}
		text, err := unpack(t, w.Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var once bytes.Buffer
		z, _ := gzip.NewWriterLevel(&once, gzip.BestSpeed)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		if w.Body.Len() > once.Len()*23/20 {
			t.Errorf("%d bytes were sent; compressed at once they are %d", w.Body.Len(), once.Len())
		}
	})
}

func TestACompressedStreamAtItsDeadlineSaysThatItIsIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5000, Latency: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, ndjsonURL, http.NoBody)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		text, err := unpack(t, w.Body.Bytes())
		if _, failed := closes(text); err != nil || !failed || strings.Count(text, "\n") < 100 {
			t.Errorf("%v, %d bytes that end with %q", err, len(text), text[max(0, len(text)-100):])
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

// largeWorkbook is a table of two kilobytes.
type largeWorkbook struct{ workbook }

func (b *largeWorkbook) Complete(bool) error {
	_, err := b.w.Write(make([]byte, 2<<10))
	return err
}

func TestAWorkbookIsAnArchiveAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveWorkbooks(t, simulator.Config{Users: 150}, func(w io.Writer, _ []string) (api.Table, error) {
			return &largeWorkbook{workbook{w: w, limit: 150, closed: new(int)}}, nil
		})
		w := s.ask(t, http.MethodGet, "https://api.example/users?$format=xlsx", "Accept-Encoding", "gzip")
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" || w.Header().Get("Content-Length") != "2048" || w.Body.Len() != 2<<10 {
			t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
		}
	})
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
