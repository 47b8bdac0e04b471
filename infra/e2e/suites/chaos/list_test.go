package chaos_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// list reads the list as the library gives it.
func (c *trial) list(parallel int) outcome {
	defer c.explain()
	ctx, cancel := c.limited(patience)
	defer cancel()
	from := c.reader(c.tenant, parallel)
	l := list.New(from.Graph, from.Request, nil)
	var ids []string
	for user, err := range l.Users(ctx) {
		if err != nil {
			return failed(err)
		}
		ids = append(ids, string(user.ID))
	}
	p := proofOf(l.Report())
	c.check("the list", ids)
	c.checkProof("the list", ids, p)
	return p.outcome()
}

// ask makes a request of the API. A response that is broken off, as its body alone cannot
// say that it is incomplete, is not ok.
func (c *trial) ask(handler http.Handler, target string) (w *httptest.ResponseRecorder, ok bool) {
	c.Helper()
	ctx, cancel := c.limited(patience)
	defer cancel()
	w = httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			if p != any(http.ErrAbortHandler) {
				panic(p)
			}
			ok = false
		}
	}()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody))
	return w, true
}

func (c *trial) api() http.Handler {
	c.Helper()
	from := c.reader(c.tenant, c.random.IntN(2))
	handler, err := api.New(api.Config{Directory: from.Graph, Request: from.Request})
	if err != nil {
		c.Fatal(err)
	}
	return handler
}

const (
	completeMark = `"@rollcall.complete":true`
	verifiedMark = "Rollcall-Verified"
)

// refused is the outcome of a response that is an error.
func refused(w *httptest.ResponseRecorder) outcome {
	return outcome{false, w.Header().Get("Rollcall-Error")}
}

// stream reads the API's NDJSON.
func (c *trial) stream() outcome {
	defer c.explain()
	w, ok := c.ask(c.api(), "/users?$format=ndjson")
	body := w.Body.String()
	ids, last := lines(c, body)
	if !ok || w.Code != http.StatusOK || !last.Complete {
		if strings.Contains(body, completeMark) {
			c.Errorf("a list that failed is marked as complete: %d %v %.300s", w.Code, ok, body)
		}
		if w.Code == http.StatusOK {
			return outcome{false, last.Error.Code}
		}
		return refused(w)
	}
	if !ok {
		c.Error("the stream is complete, and yet broken off")
	}
	c.check("the stream", ids)
	if last.Count != len(ids) || last.Verified != !c.tenant.Config().B2C {
		c.Errorf("the closing record is %+v for %d users", last, len(ids))
	}
	return outcome{true, "stream, verified " + strconv.FormatBool(last.Verified)}
}

// closing is the last record of a stream.
type closing struct {
	Complete bool `json:"@rollcall.complete"`
	Verified bool `json:"@rollcall.verified"`
	Count    int  `json:"@odata.count"`
	Error    struct{ Code string }
}

// lines reads the ids of NDJSON, and its last record.
func lines(t fataler, body string) (ids []string, last closing) {
	all := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	for i, line := range all {
		var user struct{ ID string }
		if i == len(all)-1 && (line == "" || strings.HasPrefix(line, `{"@rollcall`) || strings.HasPrefix(line, `{"error"`)) {
			if line != "" {
				decode(t, line, &last)
			}
			return ids, last
		}
		if line == "" {
			continue
		}
		decode(t, line, &user)
		ids = append(ids, user.ID)
	}
	return ids, last
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func decode(t fataler, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
}

// table reads the API's CSV.
func (c *trial) table() outcome {
	defer c.explain()
	w, ok := c.ask(c.api(), "/users?$format=csv")
	if !ok || w.Code != http.StatusOK {
		if w.Header().Get(verifiedMark) != "" || w.Header().Get("X-Total-Count") != "" || w.Code == http.StatusOK {
			c.Errorf("a table that failed is marked as complete: %d %v", w.Code, w.Header())
		}
		return refused(w)
	}
	ids := rows(c, w.Body.Bytes())
	c.check("the table", ids)
	verified := w.Header().Get(verifiedMark)
	if w.Header().Get("X-Total-Count") != strconv.Itoa(len(ids)) || verified != strconv.FormatBool(!c.tenant.Config().B2C) {
		c.Errorf("the table of %d users has the header %v", len(ids), w.Header())
	}
	return outcome{true, "table, verified " + verified}
}

// rows reads the ids of CSV.
func rows(t fataler, body []byte) (ids []string) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil || len(records) == 0 || records[0][0] != "id" {
		t.Fatalf("%v: %.300s", err, body)
	}
	for _, record := range records[1:] {
		ids = append(ids, record[0])
	}
	return ids
}

// misleading are the faults by which pages lack or repeat users although each of them
// is a good answer. A chain of pages, unlike a list, is not proven by anything.
func misleading() []string {
	return []string{"early-end", "lost-page", "lost-end", "null-link", "replica-lag", "loop", "loop-long", "duplicate", "empty-link", "two-links", "two-values", "null-value"}
}

// pages follows the API's pages. They say of no list that it is complete; without changes
// and misleading faults they have everyone all the same.
func (c *trial) pages() outcome {
	defer c.explain()
	handler := c.api()
	var ids []string
	for target, n := "/users?$top="+strconv.Itoa(c.pageSize), 0; target != ""; n++ {
		w, ok := c.ask(handler, target)
		if strings.Contains(w.Body.String(), completeMark) || w.Header().Get(verifiedMark) != "" {
			c.Errorf("a page is marked as a complete list: %v", w.Header())
		}
		if !ok || w.Code != http.StatusOK {
			return refused(w)
		}
		var page struct {
			Next  string `json:"@odata.nextLink"`
			Value []struct{ ID string }
		}
		decode(c, w.Body.String(), &page)
		for _, user := range page.Value {
			ids = append(ids, user.ID)
		}
		if target = page.Next; n > 1000 {
			return outcome{false, "pages without end"}
		}
	}
	end := c.tenant.Position()
	if strangers := c.strangers(ids, 0, end); len(strangers) > 0 {
		c.Errorf("the pages have %d users who never were there: %.200s", len(strangers), strangers)
	}
	misled := slices.ContainsFunc(c.tenant.Requests(), func(r simulator.Request) bool {
		return slices.ContainsFunc(r.Faults, func(name string) bool { return slices.Contains(misleading(), name) })
	})
	if end == 0 && !misled {
		c.check("the chain of pages", ids)
		return outcome{true, "pages"}
	}
	return outcome{true, "pages of a tenant that moves or misleads"}
}
