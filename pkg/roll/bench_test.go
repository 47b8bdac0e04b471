package roll_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/roll"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// recorded serves the pages of a simulated tenant from memory, so that a
// benchmark measures the reading and not the simulation.
type recorded struct {
	pages [][]byte
	count int
}

func record(b *testing.B, users int) *recorded {
	b.Helper()
	tenant := simulator.New(simulator.Config{Users: users})
	transport := tenant.Transport()
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	r := &recorded{count: users}
	for page, err := range client.Pager(roll.Request{Columns: columns(defaultColumns...), PageSize: 999}.Query()).Pages(b.Context()) {
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
	return r
}

func (r *recorded) RoundTrip(q *http.Request) (*http.Response, error) {
	body := []byte(strconv.Itoa(r.count))
	if q.URL.Path == "/v1.0/users" {
		n, _ := strconv.Atoi(q.URL.Query().Get("$skiptoken"))
		body = r.pages[n]
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

var defaultColumns = []string{
	"id", "userPrincipalName", "displayName", "givenName", "surname", "mail", "jobTitle", "department", "companyName",
	"employeeId", "employeeType", "accountEnabled", "userType", "createdDateTime", "onPremisesSyncEnabled",
}

// BenchmarkList reads a tenant to its proof and drops the users: what one user
// costs between the network and the writer.
func BenchmarkList(b *testing.B) {
	const users = 100_000
	pages := record(b, users)
	tenant := simulator.New(simulator.Config{})
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(tenant.Transport()), Transport: pages,
	})
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for _, page := range pages.pages {
		size += len(page)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		q := request()
		q.Columns, q.PageSize = columns(defaultColumns...), 999
		l := roll.List(client, q, nil)
		for _, err := range l.Users(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/users, "ns/user")
	b.ReportMetric(float64(size)/users, "B/user")
}
