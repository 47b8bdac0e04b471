package azure_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// population is more than two of Graph's largest pages.
const population = 2345

func TestEveryModeReturnsTheTenant(t *testing.T) {
	inEveryMode(t, simulator.Config{Users: population}, nil, func(d *deployment, m mode) {
		for _, path := range []string{"/users?$top=500", "/v1.0/users?$top=999&$select=id"} {
			if got := d.everyPage(path); len(got) != population {
				d.Errorf("the pages of %s have %d users", path, len(got))
			}
		}
		d.everyLine("/users?$format=ndjson", nil)
		d.everyLine("/v1.0/users", keyed("Accept", "application/x-ndjson"))
		d.everyRow()
		if r := d.get("/users/$count"); r.status != http.StatusOK || strings.TrimPrefix(r.body, "\ufeff") != strconv.Itoa(population) {
			d.Errorf("it counts %d %q", r.status, r.body)
		}
		d.single()
		d.compressed(m)
	})
}

// everyLine checks an answer in NDJSON, its closing record included.
func (d *deployment) everyLine(path string, header http.Header) {
	d.Helper()
	if header == nil {
		header = keyed()
	}
	r := d.ask(http.MethodGet, path, header)
	seen, last := d.lines(r.body)
	if r.status != http.StatusOK || r.broken != nil || r.header.Get("Content-Type") != "application/x-ndjson" || len(seen) != population ||
		last.Complete == nil || !*last.Complete || last.Count != population {
		d.Errorf("%s: %d %v %q: %d users, closed with %+v", path, r.status, r.broken, r.header.Get("Content-Type"), len(seen), last)
	}
}

// closing is the last record of NDJSON.
type closing struct {
	Complete *bool `json:"@rollcall.complete"`
	Count    int   `json:"@odata.count"`
	Error    struct{ Code, Message string }
}

// lines returns the ids in NDJSON, which may break off in the middle of a line, and its last
// record.
func (d *deployment) lines(body string) (seen map[string]bool, last closing) {
	d.Helper()
	seen = map[string]bool{}
	for line := range strings.Lines(body) {
		var record struct {
			ID string
			closing
		}
		if json.Unmarshal([]byte(line), &record) != nil {
			if strings.HasSuffix(line, "\n") {
				d.Fatalf("a line is %.200s", line)
			}
			return seen, closing{}
		}
		if record.ID == "" {
			last = record.closing
			continue
		}
		if seen[record.ID] {
			d.Errorf("user %s came twice", record.ID)
		}
		seen[record.ID] = true
	}
	return seen, last
}

// everyRow checks an answer in CSV.
func (d *deployment) everyRow() {
	d.Helper()
	r := d.get("/users?$format=csv&$select=id,displayName")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(r.body, "\ufeff"))).ReadAll()
	if err != nil || r.status != http.StatusOK || r.broken != nil || len(rows) != population+1 || r.header.Get("X-Total-Count") != strconv.Itoa(population) {
		d.Errorf("CSV: %d %v %v: %d rows, X-Total-Count %q", r.status, r.broken, err, len(rows), r.header.Get("X-Total-Count"))
	}
}

// single reads one user by id and one by name.
func (d *deployment) single() {
	d.Helper()
	for _, path := range []string{"/users/" + d.tenant.ID(7), "/v1.0/users/" + url.PathEscape(d.tenant.UserPrincipalName(7)) + "?$select=id"} {
		r := d.get(path)
		var user struct{ ID string }
		if err := json.Unmarshal([]byte(r.body), &user); err != nil || r.status != http.StatusOK || user.ID != d.tenant.ID(7) {
			d.Errorf("%s: %d %v %.200s", path, r.status, err, r.body)
		}
	}
}

// compressed asks for gzip, which is smaller where the mode compresses, and the same.
func (d *deployment) compressed(m mode) {
	d.Helper()
	const path = "/users?$format=csv&$select=id,userPrincipalName"
	whole, packed := d.get(path), d.ask(http.MethodGet, path, keyed("Accept-Encoding", "gzip"))
	if (packed.header.Get("Content-Encoding") == "gzip") != m.compresses {
		d.Errorf("it answers in %q", packed.header.Get("Content-Encoding"))
	}
	body := packed.body
	if m.compresses {
		zip, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			d.Fatal(err)
		}
		text, err := io.ReadAll(zip)
		if err != nil {
			d.Fatal(err)
		}
		body = string(text)
		if len(packed.body) > len(whole.body)/2 {
			d.Errorf("%d bytes instead of %d", len(packed.body), len(whole.body))
		}
	}
	if body != whole.body {
		d.Error("compressed it is something else")
	}
}

func TestNobodyGetsAnythingWithoutTheKey(t *testing.T) {
	inEveryMode(t, simulator.Config{Users: 30}, nil, func(d *deployment, _ mode) {
		for _, header := range []http.Header{nil, {"X-Functions-Key": {"wrong"}}, {"X-Ms-Client-Principal-Id": {"somebody"}}, {"Authorization": {"Bearer " + functionshost.FunctionKey}}} {
			for _, path := range []string{"/users", "/v1.0/users", "/users/$count", "/users?code=wrong"} {
				if r := d.ask(http.MethodGet, path, header); r.status != http.StatusUnauthorized || r.body != "" {
					d.Errorf("%s %v: %d %s", path, header, r.status, r.body)
				}
			}
		}
		if n := len(d.tenant.Requests()); n != 0 {
			d.Errorf("%d requests went to the tenant", n)
		}
		for _, key := range []string{functionshost.FunctionKey, functionshost.MasterKey} {
			r := d.ask(http.MethodGet, "/users?$top=5&code="+key, nil)
			if r.status != http.StatusOK || strings.Contains(r.body, key) || strings.Contains(r.body, "code=") || !strings.Contains(r.body, "$skiptoken=") {
				d.Errorf("by a parameter: %d %.400s", r.status, r.body)
			}
		}
	})
}
