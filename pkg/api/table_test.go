package api_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/failure"
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
		if !strings.HasPrefix(raw, "id,displayName\n") || !strings.HasPrefix(excel, "\ufeffid,displayName\n") {
			t.Error("a byte order mark is not what distinguishes the file for spreadsheets")
		}
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

// workbook is a table that takes down what is asked of it.
type workbook struct {
	w      io.Writer
	limit  int
	users  int
	closed *int
}

func (b *workbook) Fits(users int) error {
	if users > b.limit {
		return &failure.Named{Public: "Response.TooLarge", Text: "use CSV"}
	}
	return nil
}

func (b *workbook) User([]byte) error { b.users++; return nil }

func (b *workbook) Complete(verified bool) error {
	_, err := fmt.Fprintf(b.w, "%d users, verified %t", b.users, verified)
	return err
}

func (b *workbook) Close() error { *b.closed++; return nil }

func TestAWorkbookIsSentOnlyOnceTheListIsCompleteAndOnlyWhereThereIsOne(t *testing.T) {
	const sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 150})
		if w, b := s.get(t, "https://api.example/users?$format=xlsx"); w.Code != http.StatusBadRequest || b.Error.Message != "$format has to be json, ndjson or csv" {
			t.Errorf("without workbooks: %d %s", w.Code, w.Body)
		}
		if w, _ := s.get(t, "https://api.example/users", "Accept", sheet); w.Code != http.StatusNotAcceptable {
			t.Errorf("without workbooks: %d %s", w.Code, w.Body)
		}

		limit, closed := 150, 0
		var columns []string
		workbooks := func(w io.Writer, names []string) (api.Table, error) {
			columns = names
			return &workbook{w: w, limit: limit, closed: &closed}, nil
		}
		s = serveWorkbooks(t, simulator.Config{Users: 150}, workbooks)
		for _, how := range [][]string{{"?$format=xlsx&$select=id,displayName"}, {"?$select=id,displayName", "Accept", sheet + ", application/json;q=0.5"}} {
			w := s.ask(t, http.MethodGet, "https://api.example/users"+how[0], how[1:]...)
			if w.Code != http.StatusOK || w.Body.String() != "150 users, verified true" || strings.Join(columns, ",") != "id,displayName" {
				t.Errorf("%v: %d %s", how, w.Code, w.Body)
			}
			want := http.Header{
				"Content-Type": {sheet}, "X-Total-Count": {"150"}, "Rollcall-Verified": {"true"}, "Content-Length": {"24"},
				"Content-Disposition": {`attachment; filename="users.xlsx"`},
			}
			for name := range want {
				if w.Header().Get(name) != want.Get(name) {
					t.Errorf("%s is %q, want %q", name, w.Header().Get(name), want.Get(name))
				}
			}
		}
		if w := s.ask(t, http.MethodHead, "https://api.example/users?$format=xlsx"); w.Code != http.StatusOK || w.Header().Get("Content-Type") != sheet {
			t.Errorf("HEAD: %d %v", w.Code, w.Header())
		}
		for _, query := range []string{"$format=xlsx&$top=5", "$format=xlsx&csv=excel"} {
			if w, _ := s.get(t, "https://api.example/users?"+query); w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", query, w.Code)
			}
		}
		limit = 149
		if w, b := s.get(t, "https://api.example/users?$format=xlsx"); w.Code != http.StatusRequestEntityTooLarge || b.Error.Code != "Response.TooLarge" || b.Error.Message != "use CSV" {
			t.Errorf("more than fit: %d %s", w.Code, w.Body)
		}
		if closed != 3 {
			t.Errorf("%d of 3 workbooks were closed", closed)
		}
		s = serveWorkbooks(t, simulator.Config{Users: 1050, Faults: []simulator.Fault{{Name: "early-end", Page: 6}}}, workbooks)
		limit = 2000
		if w, b := s.get(t, "https://api.example/users?$format=xlsx"); w.Code != http.StatusServiceUnavailable || b.Error.Code != "Snapshot.Incomplete" || closed != 4 {
			t.Errorf("%d %.300s", w.Code, w.Body)
		}
	})
}
