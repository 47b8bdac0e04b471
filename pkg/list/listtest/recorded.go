package listtest

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Recorded serves the pages of a simulated tenant from memory, so that a benchmark
// measures the list and not the simulation.
type Recorded struct {
	// Client reads from the recording; Request is what was recorded.
	Client  *graph.Client
	Request list.Request

	users int
	pages []string
}

// Record lists a simulated tenant and keeps what Graph answered.
func Record(b *testing.B, users int) *Recorded {
	b.Helper()
	r := &Recorded{users: users, Request: list.Request{Columns: property.DefaultColumns(), PageSize: 999}}
	tenant := simulator.New(simulator.Config{Users: users})
	for page, err := range Client(b, tenant, graph.Config{}).Pager(r.Request.Query()).Pages(b.Context()) {
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
		r.pages = append(r.pages, head+`"value":[`+body.String()+`]}`)
	}
	r.Client = Client(b, tenant, graph.Config{Transport: r})
	return r
}

// RoundTrip answers a page, the count, or that nothing has changed.
func (r *Recorded) RoundTrip(q *http.Request) (*http.Response, error) {
	body := strconv.Itoa(r.users)
	switch q.URL.Path {
	case "/v1.0/users":
		n, _ := strconv.Atoi(q.URL.Query().Get("$skiptoken"))
		body = r.pages[n]
	case "/v1.0/users/delta":
		body = `{"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a","value":[]}`
	}
	return Respond(q, http.StatusOK, body), nil
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
