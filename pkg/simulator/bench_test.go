package simulator_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const usual = "id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName,employeeId,employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled"

// discard is a response writer that throws the body away.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
func (d discard) Flush()                      {}

// BenchmarkList reports what a user costs to make, in pages of 999.
func BenchmarkList(b *testing.B) {
	for name, query := range map[string]string{
		"usual":  "$top=999&$select=" + usual,
		"filter": "$top=999&$select=id&$filter=" + url.QueryEscape("accountEnabled eq true"),
		"range":  "$top=999&$select=id&$filter=" + url.QueryEscape("userPrincipalName ge 'm' and userPrincipalName le 'n'"),
	} {
		b.Run(name, func(b *testing.B) {
			tenant := simulator.New(simulator.Config{Users: 1_000_000})
			token := buyOf(b, tenant)
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users?"+query, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			handler := tenant.Handler()
			b.ReportAllocs()
			pages := 0
			for b.Loop() {
				handler.ServeHTTP(discard{http.Header{}}, r)
				pages++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(pages)/999, "ns/user")
		})
	}
}

// BenchmarkTransport reports what a user costs to read without a socket.
func BenchmarkTransport(b *testing.B) {
	tenant := simulator.New(simulator.Config{Users: 1_000_000})
	token := buyOf(b, tenant)
	transport := tenant.Transport()
	size, pages := int64(0), 0
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users?$top=999&$select="+usual, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := transport.RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil {
			b.Fatal(err)
		}
		_ = response.Body.Close()
		size, pages = size+n, pages+1
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(pages)/999, "ns/user")
	b.ReportMetric(float64(size)/float64(pages)/999, "bytes/user")
}

// BenchmarkCount reports what a filtered count of a million users costs.
func BenchmarkCount(b *testing.B) {
	tenant := simulator.New(simulator.Config{Users: 1_000_000})
	token := buyOf(b, tenant)
	for name, filter := range map[string]string{
		"scan":  "department eq 'IT'",
		"range": "userPrincipalName ge 'm' and userPrincipalName le 'n'",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users/$count?$filter="+url.QueryEscape(filter), nil)
				r.Header.Set("Authorization", "Bearer "+token)
				r.Header.Set("ConsistencyLevel", "eventual")
				tenant.Handler().ServeHTTP(discard{http.Header{}}, r)
			}
		})
	}
}

func buyOf(b *testing.B, tenant *simulator.Tenant) string {
	b.Helper()
	return clientOf(b, tenant).token
}

// BenchmarkNew reports what a tenant costs before it is asked anything.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		simulator.New(simulator.Config{})
	}
}
