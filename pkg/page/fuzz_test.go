package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// FuzzAddress has addresses that anybody may have made up. Whatever they say, the answer is a
// page, its links stay here, and nothing of the address is more than text.
func FuzzAddress(f *testing.F) {
	for _, address := range []string{
		"/users", "/users?$select=displayName&from=51&$skiptoken=x", "/users?$search=%22displayName:a%22", "/users?from=-1", "/users?from=99999999999999999999", "/users?$top=0", "/users?$format=html&$format=json",
		"/find?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&column=displayName&column=nonsense&orderby=javascript:alert(1)", "/find?q=%ff%00&filter=%0d%0aLocation:x", "/find?%gh&&=&q", "/check?$filter=x", "/check?from=1&$top=2",
		"/users/a@b", "/users/%2e%2e", "/users/%3Cb%3E@x", "/snapshots?runs=-5", "/changes?kind=%3Cb%3E&live=no", "//evil.example/", "/assets/", "/v1.0/users/", "/users?$orderby=displayName%20desc&$filter=userType%20eq%20'Guest'",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		u, err := url.ParseRequestURI(address)
		if err != nil || !strings.HasPrefix(address, "/") || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return
		}
		s := open(t, simulator.Config{Users: 60})
		w := s.ask(t, http.MethodGet, u.RequestURI(), "Accept", browser)
		if strings.HasPrefix(u.RequestURI(), "//") {
			return // httptest takes what follows for a host
		}
		if to := w.Header().Get("Location"); to != "" && (!strings.HasPrefix(to, "/users") || strings.ContainsAny(to, "\r\n<>")) {
			t.Fatalf("%q leads to %q", address, to)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			return
		}
		html := w.Body.String()
		if w.Code == http.StatusInternalServerError || !strings.HasSuffix(html, "</html>\n") || strings.Contains(html, "ZgotmplZ") {
			t.Fatalf("%q: %d %s", address, w.Code, html)
		}
		for words, to := range hrefs(html) {
			if to != "#main" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
				t.Fatalf("%q: %q leads to %q", address, words, to)
			}
		}
		if n := strings.Count(strings.ToLower(html), "<script"); n > 0 {
			t.Fatalf("%q: %d scripts", address, n)
		}
	})
}
