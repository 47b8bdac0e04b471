package api_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestCSVIsSentOnlyOnceTheListIsComplete(t *testing.T) {
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
			t.Error("formulas are not raw by default and neutralised on request")
		}

		s = serve(t, simulator.Config{Users: 1050, Faults: []simulator.Fault{{Name: "early-end", Page: 6}}})
		failed, b := s.get(t, "https://api.example/users?$format=csv")
		if failed.Code != http.StatusServiceUnavailable || b.Error.Code != "Snapshot.Incomplete" {
			t.Errorf("%d %.300s", failed.Code, failed.Body)
		}
	})
}

// brokenPipe is a client that disconnects after some bytes.
type brokenPipe struct {
	*httptest.ResponseRecorder
	left int
}

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return b.ResponseRecorder.Write(p)
}

func TestACSVThatBreaksOffAbortsTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 3000})
		w := &brokenPipe{httptest.NewRecorder(), 40_000}
		aborted := false
		func() {
			defer func() { aborted = recover() != nil }()
			s.serve(t, w, http.MethodGet, "https://api.example/users?$format=csv", "Accept-Encoding", "gzip")
		}()
		if !aborted {
			t.Errorf("the answer of %d bytes ended as if it were complete", w.Body.Len())
		}
	})
}
