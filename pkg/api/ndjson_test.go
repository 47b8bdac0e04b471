package api_test

import (
	"bufio"
	"context"
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

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// lines parses an NDJSON stream: the ids of its users, and its last line.
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

func TestNDJSONContainsAllUsersAndSaysThatItIsComplete(t *testing.T) {
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

func TestAStreamAtItsDeadlineSaysThatItIsIncomplete(t *testing.T) {
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

// limitedWriter refuses a part that does not fit as a whole, and has room for one
// small part after it, as a trigger's stream has.
type limitedWriter struct {
	*httptest.ResponseRecorder
	left int
	over bool
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		w.left = 0
		if !w.over {
			w.over, w.left = true, 4<<10
		}
		return 0, errors.New("the response is too large")
	}
	w.left -= len(p)
	return w.ResponseRecorder.Write(p)
}

func TestAStreamThatReachesItsLimitStillEndsWithAFailureRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 3000})
		w := &limitedWriter{ResponseRecorder: httptest.NewRecorder(), left: 100_000}
		s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson")
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

// The limit is reached only by the closing record.
func TestAStreamWhoseLastBatchReachesTheLimitSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 100})
		whole := s.ask(t, http.MethodGet, "https://api.example/users?$format=ndjson").Body.Len()
		w := &limitedWriter{ResponseRecorder: httptest.NewRecorder(), left: whole - 1}
		s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson")
		if !strings.Contains(w.Body.String(), `"@rollcall.complete":false`) {
			t.Errorf("the stream ends with %q", w.Body.String()[max(0, w.Body.Len()-80):])
		}
	})
}

func TestAClientThatDisconnectsEndsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 100_000})
		w := &brokenPipe{httptest.NewRecorder(), 100_000}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the response was not aborted")
				}
			}()
			s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson")
		}()
		synctest.Wait()
		if n := len(s.tenant.Requests()); n > 20 {
			t.Errorf("%d requests for a client that has disconnected", n)
		}
	})
}

// firstFlushTime records when the first byte was flushed through it.
type firstFlushTime struct {
	*httptest.ResponseRecorder
	first time.Time
}

func (c *firstFlushTime) Flush() {
	if c.first.IsZero() && c.Body.Len() > 0 {
		c.first = time.Now()
	}
}

func TestTheFirstUserIsSentBeforeTheFirstPageHasArrived(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, simulator.Config{Users: 1000, Latency: 100 * time.Millisecond, Bandwidth: 4096})
			w := &firstFlushTime{ResponseRecorder: httptest.NewRecorder()}
			s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson", "Accept-Encoding", encoding)
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

type timedLines struct {
	*httptest.ResponseRecorder
	lines []time.Time
}

func (w *timedLines) Write(p []byte) (int, error) {
	for range strings.Count(string(p), "\n") {
		w.lines = append(w.lines, time.Now())
	}
	return w.ResponseRecorder.Write(p)
}

func TestBufferedUsersAreSentWhileGraphThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttled := false
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Attempts: 3, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer := func(status int, body, after string) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			}
			user := func(n int) string { return `{"id":"00000000-0000-4000-8000-00000000000` + strconv.Itoa(n) + `"}` }
			switch {
			case strings.HasSuffix(r.URL.Path, "/delta"):
				return answer(400, `{"error":{"code":"Request_UnsupportedQuery"}}`, "")
			case strings.HasSuffix(r.URL.Path, "$count"):
				return answer(200, "6", "")
			case r.URL.Query().Get("$skiptoken") == "":
				return answer(200, `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=a","value":[`+user(1)+","+user(2)+","+user(3)+`]}`, "")
			case !throttled:
				throttled = true
				return answer(429, `{"error":{"code":"TooManyRequests"}}`, "120")
			}
			return answer(200, `{"value":[`+user(4)+","+user(5)+","+user(6)+`]}`, "")
		})})
		if err != nil {
			t.Fatal(err)
		}
		s := serveFrom(t, client, "id")
		w := &timedLines{ResponseRecorder: httptest.NewRecorder()}
		started := time.Now()
		s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson")
		for i, at := range w.lines[:3] {
			if at.Sub(started) > time.Second {
				t.Errorf("user %d of the first page was sent after %v", i+1, at.Sub(started))
			}
		}
	})
}

// flushes records when it was flushed.
type flushes struct {
	*httptest.ResponseRecorder
	at []time.Time
}

func (f *flushes) Flush() { f.at = append(f.at, time.Now()) }

func TestASlowStreamIsSentInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1000, Bandwidth: 8 << 10})
		w := &flushes{ResponseRecorder: httptest.NewRecorder()}
		started := time.Now()
		s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson")
		took := time.Since(started)
		if took < 5*time.Second {
			t.Fatalf("the tenant was read in %v", took)
		}
		if n := len(w.at); n < int(took/time.Second) || n > int(took/(500*time.Millisecond))+2 {
			t.Errorf("%d flushes in %v", n, took)
		}
	})
}

func TestAPanicEndsAStreamWithAClosingRecordAndTheStackInTheLog(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: 1050})
	pages := 0
	client := listtest.Client(t, tenant, graph.Config{Transport: listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
		if strings.Contains(r.URL.RawQuery, "skiptoken") {
			if pages++; pages == 5 {
				panic("kim@contoso.com")
			}
		}
		return nil
	})})
	s := &served{}
	var err error
	if s.handler, err = api.New(api.Config{Directory: client, Request: listtest.Request(), Log: telemetry.New(&s.log, telemetry.Options{})}); err != nil {
		t.Fatal(err)
	}
	w := s.ask(t, http.MethodGet, "https://api.example/users?$format=ndjson")
	ids, closing := lines(t, w.Body)
	if len(ids) == 0 || len(ids) >= 1050 || closing["@rollcall.complete"] != false || closing["error"].(map[string]any)["code"] != "Internal.Error" {
		t.Errorf("%d users, closing %v", len(ids), closing)
	}
	if log := s.log.String(); !strings.Contains(log, "ndjson_test.go") || strings.Contains(log, "kim@") {
		t.Errorf("the log has no stack, or the value: %s", log)
	}
	pages = 4
	if w := s.ask(t, http.MethodGet, "https://api.example/users?$format=csv"); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "Internal.Error") {
		t.Errorf("CSV: %d %s", w.Code, w.Body)
	}
}
