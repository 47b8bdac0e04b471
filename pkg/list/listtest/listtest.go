// Package listtest is what the tests of lists and of snapshots share.
package listtest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// Columns are the named columns, an optional one with a question mark; without names
// six that every tenant has.
func Columns(names ...string) []property.Column {
	if len(names) == 0 {
		names = []string{"id", "userPrincipalName", "displayName", "mail", "department", "accountEnabled"}
	}
	var all []property.Column
	for _, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		all = append(all, property.Column{Name: name, Optional: optional})
	}
	return all
}

// Request asks for everyone, in pages of 100.
func Request() list.Request {
	return list.Request{Columns: Columns(), PageSize: 100, Slack: tolerance.Tolerance{Share: 0.0005}}
}

// Parallel is Request in n partitions.
func Parallel(n int) list.Request {
	r := Request()
	r.Parallel = n
	return r
}

// Faults are the named faults of the simulated tenant.
func Faults(t *testing.T, names ...string) []simulator.Fault {
	t.Helper()
	var all []simulator.Fault
	for _, name := range names {
		f, err := simulator.ParseFault(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// Recorded serves the pages of a simulated tenant from memory, so that a benchmark
// measures the list and not the simulation.
type Recorded struct {
	// Client reads from the recording; Request is what was recorded.
	Client  *graph.Client
	Request list.Request

	users int
	pages [][]byte
}

// Record lists a simulated tenant and keeps what Graph answered.
func Record(b *testing.B, users int) *Recorded {
	b.Helper()
	r := &Recorded{users: users, Request: list.Request{Columns: property.DefaultColumns(), PageSize: 999, Slack: tolerance.Tolerance{Share: 0.0005}}}
	tenant := simulator.New(simulator.Config{Users: users})
	transport := tenant.Transport()
	client := func(through http.RoundTripper) *graph.Client {
		c, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: through})
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	for page, err := range client(transport).Pager(r.Request.Query()).Pages(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		var body bytes.Buffer
		for user, err := range page.Users() {
			if err != nil {
				b.Fatal(err)
			}
			if body.Len() > 0 {
				body.WriteByte(',')
			}
			body.Write(user.Raw)
		}
		head := `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users",`
		if page.Link() != "" {
			head += `"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=` + strconv.Itoa(len(r.pages)+1) + `",`
		}
		r.pages = append(r.pages, []byte(head+`"value":[`+body.String()+`]}`))
	}
	r.Client = client(r)
	return r
}

// RoundTrip answers a page or the count.
func (r *Recorded) RoundTrip(q *http.Request) (*http.Response, error) {
	body := []byte(strconv.Itoa(r.users))
	if q.URL.Path == "/v1.0/users" {
		n, _ := strconv.Atoi(q.URL.Query().Get("$skiptoken"))
		body = r.pages[n]
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// Size is how many bytes the pages have.
func (r *Recorded) Size() int {
	size := 0
	for _, page := range r.pages {
		size += len(page)
	}
	return size
}

// ReportPerUser adds the time and the bytes that one user takes to a benchmark.
func (r *Recorded) ReportPerUser(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(r.users), "ns/user")
	b.ReportMetric(float64(r.Size())/float64(r.users), "B/user")
}
