package page_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/page"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// browser is what browsers accept when somebody opens an address.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// site is a page over a simulated tenant.
type site struct {
	tenant *simulator.Tenant
	page   *page.Page
	config page.Config
}

func open(t *testing.T, cfg simulator.Config, columns ...string) *site {
	t.Helper()
	return openWith(t, cfg, page.Config{}, columns...)
}

func openWith(t *testing.T, cfg simulator.Config, shown page.Config, columns ...string) *site {
	t.Helper()
	s := &site{tenant: simulator.New(cfg), config: shown}
	transport := s.tenant.Transport()
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: s.tenant.TokenSource(transport), Transport: transport, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	request := list.Request{PageSize: 999, Columns: property.DefaultColumns()}
	if columns != nil {
		request.Columns = nil
		for _, name := range columns {
			request.Columns = append(request.Columns, property.Column{Name: name})
		}
	}
	users, err := api.New(api.Config{Directory: client, Request: request, Workbook: noWorkbook, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.config.API = users
	if s.page, err = page.New(s.config); err != nil {
		t.Fatal(err)
	}
	return s
}

func noWorkbook(io.Writer, []string) (api.Table, error) { return nil, io.ErrUnexpectedEOF }

// ask makes a request; headers come in pairs.
func (s *site) ask(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	s.page.ServeHTTP(w, r)
	return w
}

// browse opens an address as a browser does, redirects included, and checks what every
// page has.
func (s *site) browse(t *testing.T, target string) (status int, html string) {
	t.Helper()
	for range 3 {
		w := s.ask(t, http.MethodGet, target, "Accept", browser, "Accept-Encoding", "gzip, deflate, br, zstd")
		h := w.Header()
		if policy := h.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", target, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" || h.Get("Request-Id") == "" || h.Get("Vary") != "Accept" {
			t.Errorf("%s: %v", target, h)
		}
		if w.Code == http.StatusSeeOther {
			target = h.Get("Location")
			continue
		}
		if h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%s: %d %v %s", target, w.Code, h, w.Body)
		}
		return w.Code, w.Body.String()
	}
	t.Fatalf("%s leads in a circle", target)
	return 0, ""
}

// text is what a page says, without its tags.
func text(html string) string {
	bare := regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(html, " ")
	return strings.Join(strings.Fields(strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">", "’", "'").Replace(bare)), " ")
}

// hrefs are the addresses that a page links to, by the text of the link.
func hrefs(html string) map[string]string {
	found := map[string]string{}
	for _, match := range regexp.MustCompile(`(?s)<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(html, -1) {
		found[text(match[2])] = strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#39;", "'").Replace(match[1])
	}
	return found
}

func want(t *testing.T, html string, parts ...string) {
	t.Helper()
	said := text(html)
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("the page does not say %q:\n%s", part, said)
		}
	}
}
