package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// lines takes an NDJSON stream apart: the users, and what its last line says.
func lines(t *testing.T, r io.Reader) (ids map[string]bool, closing map[string]any) {
	t.Helper()
	ids = map[string]bool{}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, scanner.Bytes())
		}
		if closing != nil {
			t.Fatalf("a line follows the closing record: %v", line)
		}
		if _, ok := line["@rollcall.complete"]; ok {
			closing = line
			continue
		}
		ids[line["id"].(string)] = true
	}
	return ids, closing
}

func TestNDJSONHoldsEveryoneAndSaysThatItIsComplete(t *testing.T) {
	for name, ask := range map[string][]string{
		"by $format": {"https://api.example/users?$format=ndjson"},
		"by Accept":  {"https://api.example/users", "Accept", "text/html;q=0.5, application/x-ndjson"},
		"narrowed":   {"https://api.example/users?$format=ndjson&$select=id&$orderby=displayName"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, simulator.Config{Users: 1050})
				w := s.ask(t, http.MethodGet, ask[0], ask[1:]...)
				ids, closing := lines(t, w.Body)
				if w.Code != http.StatusOK || len(ids) != 1050 || closing["@rollcall.complete"] != true || closing["@odata.count"] != 1050.0 {
					t.Errorf("%d, %d users, closing %v", w.Code, len(ids), closing)
				}
				if got := w.Header().Get("Content-Type"); got != "application/x-ndjson" {
					t.Errorf("Content-Type %q", got)
				}
			})
		})
	}
}

func TestAStreamThatFailsSaysSoInItsLastLine(t *testing.T) {
	for fault, code := range map[string]string{"500:5x*": "Graph.Unavailable", "429-seconds:5x*": "Graph.Throttled", "early-end:5": "Snapshot.Incomplete", "foreign-host:5": "Graph.Unavailable"} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, err := simulator.ParseFault(fault)
				if err != nil {
					t.Fatal(err)
				}
				s := serve(t, simulator.Config{Users: 1050, Faults: []simulator.Fault{f}})
				w := s.ask(t, http.MethodGet, "https://api.example/users?$format=ndjson")
				ids, closing := lines(t, w.Body)
				problem, _ := closing["error"].(map[string]any)
				if w.Code != http.StatusOK || len(ids) == 0 || closing["@rollcall.complete"] != false || problem["code"] != code {
					t.Errorf("%d, %d users, closing %v", w.Code, len(ids), closing)
				}
			})
		})
	}
}

func TestAStreamThatFailsBeforeItsFirstUserIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1050, Faults: []simulator.Fault{{Name: "403"}}})
		for _, format := range []string{"ndjson", "csv"} {
			if w, b := s.get(t, "https://api.example/users?$format="+format); w.Code != http.StatusBadGateway || b.Error.Code != "Graph.AccessDenied" {
				t.Errorf("%s: %d %s", format, w.Code, w.Body)
			}
		}
	})
}

// clocked notes when the first byte was flushed through it.
type clocked struct {
	*httptest.ResponseRecorder
	first time.Time
}

func (c *clocked) Flush() {
	if c.first.IsZero() && c.Body.Len() > 0 {
		c.first = time.Now()
	}
}

func TestTheFirstUserIsSentBeforeTheFirstPageHasArrived(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, simulator.Config{Users: 1000, Latency: 100 * time.Millisecond, Bandwidth: 4096})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody)
			r.Header.Set("Accept-Encoding", encoding)
			w := &clocked{ResponseRecorder: httptest.NewRecorder()}
			s.handler.ServeHTTP(w, r)
			for _, q := range s.tenant.Requests() {
				if q.Kind == "list" && q.Page == 1 && !w.first.Before(q.LastByte) {
					t.Errorf("%q: the first byte was sent %v after the first page had arrived", encoding, w.first.Sub(q.LastByte))
				}
			}
			if w.first.IsZero() {
				t.Error("nothing was flushed")
			}
		})
	}
}

// broken is a client that goes away after some bytes.
type broken struct {
	*httptest.ResponseRecorder
	left int
}

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return b.ResponseRecorder.Write(p)
}

func TestAClientThatGoesAwayStopsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 100_000})
		w := &broken{httptest.NewRecorder(), 100_000}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the answer was not broken off")
				}
			}()
			s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		}()
		synctest.Wait()
		if n := len(s.tenant.Requests()); n > 20 {
			t.Errorf("%d requests for a client that has gone", n)
		}
	})
}

func TestCSVComesOnlyOnceTheListIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1050, Hostile: true}, "id", "displayName")
		w := s.ask(t, http.MethodGet, "https://api.example/users", "Accept", "text/csv")
		records, err := csv.NewReader(bytes.NewReader(w.Body.Bytes())).ReadAll()
		if err != nil || len(records) != 1051 || strings.Join(records[0], ",") != "id,displayName" {
			t.Fatalf("%d records, %v", len(records), err)
		}
		if w.Header().Get("X-Total-Count") != "1050" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("headers %v", w.Header())
		}
		raw := w.Body.String()
		excel := s.ask(t, http.MethodGet, "https://api.example/users?$format=csv&csv=excel").Body.String()
		if !strings.Contains(raw, ",=") && !strings.Contains(raw, ",\"=") || strings.Contains(excel, ",=") || strings.Contains(excel, ",\"=") {
			t.Error("formulas are not raw by default and neutralised when asked")
		}

		s = serve(t, simulator.Config{Users: 1050, Faults: []simulator.Fault{{Name: "early-end", Page: 6}}})
		failed, b := s.get(t, "https://api.example/users?$format=csv")
		if failed.Code != http.StatusServiceUnavailable || b.Error.Code != "Snapshot.Incomplete" {
			t.Errorf("%d %.300s", failed.Code, failed.Body)
		}
	})
}

func TestTheBodyIsCompressedForWhoeverTakesThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 90})
		for _, target := range []string{"https://api.example/users", "https://api.example/users?$format=ndjson", "https://api.example/users?$format=csv"} {
			plain := s.ask(t, http.MethodGet, target, "Accept-Encoding", "br, gzip;q=0")
			packed := s.ask(t, http.MethodGet, target, "Accept-Encoding", "br, gzip")
			z, err := gzip.NewReader(packed.Body)
			if err != nil || packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Content-Length") != "" {
				t.Fatalf("%s: %v %v", target, err, packed.Header())
			}
			unpacked, err := io.ReadAll(z)
			if err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
				t.Errorf("%s: %v, %d bytes unpacked, %d plain", target, err, len(unpacked), plain.Body.Len())
			}
		}
		if w := s.ask(t, http.MethodGet, "https://api.example/users?$top=0", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
			t.Error("an error is compressed")
		}
	})
}

func TestTheFormatIsNegotiated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 150})
		for accept, want := range map[string]string{
			"":    "application/json;odata.metadata=minimal;charset=utf-8",
			"*/*": "application/json;odata.metadata=minimal;charset=utf-8",
			"application/json;odata.metadata=full;IEEE754Compatible=true": "application/json;odata.metadata=minimal;charset=utf-8",
			"text/html,application/xhtml+xml,*/*;q=0.8":                   "application/json;odata.metadata=minimal;charset=utf-8",
			"application/x-ndjson;q=0.4, text/csv;q=0.6":                  "text/csv; charset=utf-8; header=present",
			"application/jsonl":    "application/x-ndjson",
			"application/xml":      "application/json",
			"application/json;q=0": "application/json",
		} {
			w := s.ask(t, http.MethodGet, "https://api.example/users", "Accept", accept)
			if got := w.Header().Get("Content-Type"); got != want {
				t.Errorf("%q: %d %q, want %q", accept, w.Code, got, want)
			}
			if refused := accept == "application/xml" || strings.HasSuffix(accept, "q=0"); refused != (w.Code == http.StatusNotAcceptable) {
				t.Errorf("%q: %d", accept, w.Code)
			}
		}
	})
}

func TestAHeadRequestReadsNoMoreThanItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1050})
		for _, format := range []string{"json", "ndjson", "csv"} {
			if w := s.ask(t, http.MethodHead, "https://api.example/users?$format="+format); w.Code != http.StatusOK {
				t.Errorf("%s: %d", format, w.Code)
			}
		}
		if n := len(listed(s)); n > 1 {
			t.Errorf("%d pages were read", n)
		}
	})
}

func listed(s *served) (list []simulator.Request) {
	for _, r := range s.tenant.Requests() {
		if r.Kind == "list" {
			list = append(list, r)
		}
	}
	return list
}

func TestAStreamAtItsDeadlineSaysThatItIsNotComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5000, Latency: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		ids, closing := lines(t, w.Body)
		if len(ids) == 0 || closing["@rollcall.complete"] != false {
			t.Errorf("%d users, closing %v", len(ids), closing)
		}
	})
}
