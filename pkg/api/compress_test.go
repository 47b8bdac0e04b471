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

// cable passes on what fits and then is broken for good.
// aborts reports whether a handler breaks its answer off.
// hiccup loses its first part, and passes on the others.
// trap passes on what fits and then panics.
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
