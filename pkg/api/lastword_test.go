package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// narrowWriter refuses the part that does not fit, whole, and has room for one
// small part after it, as a trigger's stream has.
type narrowWriter struct {
	*httptest.ResponseRecorder
	left int
	over bool
}

func (w *narrowWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		w.left = 0
		if !w.over {
			w.over, w.left = true, 4<<10
		}
		return 0, errors.New("the answer is too large")
	}
	w.left -= len(p)
	return w.ResponseRecorder.Write(p)
}

func TestAStreamThatMeetsItsLimitStillEndsWithAFailureRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 3000})
		w := &narrowWriter{ResponseRecorder: httptest.NewRecorder(), left: 100_000}
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		text := w.Body.String()
		last := text[strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1:]
		var record map[string]any
		if err := json.Unmarshal([]byte(last), &record); err != nil || record["@rollcall.complete"] != false {
			t.Errorf("the stream of %d bytes ends with %q (%v)", len(text), last, err)
		}
		if strings.Count(text, "@rollcall.complete") != 1 {
			t.Error("there is more than one closing record")
		}
	})
}

// The closing record itself meets the limit.
func TestAStreamWhoseLastHandfulMeetsTheLimitSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 100})
		whole := s.ask(t, http.MethodGet, "https://api.example/users?$format=ndjson").Body.Len()
		w := &narrowWriter{ResponseRecorder: httptest.NewRecorder(), left: whole - 1}
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		if !strings.Contains(w.Body.String(), `"@rollcall.complete":false`) {
			t.Errorf("the stream ends with %q", w.Body.String()[max(0, w.Body.Len()-80):])
		}
	})
}

// flushes notes how much had been written when it was flushed.
type flushes struct {
	*httptest.ResponseRecorder
	at []time.Time
}

func (f *flushes) Flush() { f.at = append(f.at, time.Now()) }

func TestASlowStreamIsSentOnInHandfuls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1000, Bandwidth: 8 << 10})
		w := &flushes{ResponseRecorder: httptest.NewRecorder()}
		started := time.Now()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		took := time.Since(started)
		if took < 5*time.Second {
			t.Fatalf("the tenant was read in %v", took)
		}
		if n := len(w.at); n < int(took/time.Second) || n > int(took/(500*time.Millisecond))+2 {
			t.Errorf("%d flushes in %v", n, took)
		}
	})
}

// firstFlush keeps what had been written when it was flushed first.
type firstFlush struct {
	*httptest.ResponseRecorder
	sent []byte
}

func (f *firstFlush) Flush() {
	if f.sent == nil {
		f.sent = bytes.Clone(f.Body.Bytes())
	}
}

func TestACompressedStreamSendsItsFirstUserAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1000, Bandwidth: 8 << 10})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody)
		r.Header.Set("Accept-Encoding", "gzip")
		w := &firstFlush{ResponseRecorder: httptest.NewRecorder()}
		s.handler.ServeHTTP(w, r)
		packed, err := gzip.NewReader(bytes.NewReader(w.sent))
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(packed).ReadString('\n')
		if err != nil || !strings.Contains(line, `"displayName"`) {
			t.Errorf("the first %d bytes hold %q (%v)", len(w.sent), line, err)
		}
	})
}
