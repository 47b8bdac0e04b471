package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/page"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestProgramsGetWhatTheAPIAnswers(t *testing.T) {
	s := open(t, simulator.Config{Users: 60})
	for _, accept := range [][]string{nil, {"Accept", "*/*"}, {"Accept", "application/json"}, {"Accept", "application/json, text/plain, */*"}, {"Accept", "application/json, text/html;q=0.9"}, {"Accept", "text/html;q=0, */*"}} {
		w := s.ask(t, http.MethodGet, "/users?$top=3&$select=displayName", accept...)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") || !strings.HasPrefix(w.Body.String(), `{"@odata.context"`) || w.Header().Get("Content-Security-Policy") != "" {
			t.Errorf("%v: %d %v %.200s", accept, w.Code, w.Header(), w.Body)
		}
		if w := s.ask(t, http.MethodGet, "/", accept...); w.Code != http.StatusNotFound || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("/ %v: %d %s", accept, w.Code, w.Body)
		}
	}
	for _, target := range []string{"/users?$format=json", "/users?%24FORMAT=json", "/users/$count", "/users?$format=ndjson"} {
		if w := s.ask(t, http.MethodGet, target, "Accept", browser); w.Code != http.StatusOK || strings.Contains(w.Header().Get("Content-Type"), "html") {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
	for _, target := range []string{"/users?$format=html", "/v1.0/users?$format=text/html"} {
		if w := s.ask(t, http.MethodGet, target); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Type"), "html") {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
	if w := s.ask(t, http.MethodPost, "/users", "Accept", browser); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestAPageOfPeopleIsReadAndNoMore(t *testing.T) {
	s := open(t, simulator.Config{Users: 120})
	_, html := s.browse(t, "/")
	want(t, html, "120 in all, by Graph's count", "People 1 to 50 of 120", "One page of a longer list", "Display name", "Account enabled")
	if got := strings.Count(html, `<th scope="row">`); got != 50 {
		t.Errorf("%d rows", got)
	}
	lists := 0
	for _, r := range s.tenant.Requests() {
		if r.Kind == "list" {
			lists++
		}
	}
	if lists != 1 {
		t.Errorf("%d pages were asked for", lists)
	}
	seen := strings.Count(html, `<th scope="row">`)
	for next := hrefs(html)["Next page"]; next != ""; next = hrefs(html)["Next page"] {
		_, html = s.browse(t, next)
		seen += strings.Count(html, `<th scope="row">`)
		if hrefs(html)["First page"] != "/users" {
			t.Errorf("the first page is %q", hrefs(html)["First page"])
		}
	}
	want(t, html, "People 101 to 120 of 120")
	if seen != 120 {
		t.Errorf("%d people on all pages", seen)
	}
}

func TestSearchingFilteringSortingAndColumnsAreTheAPIsOwnWords(t *testing.T) {
	s := open(t, simulator.Config{Users: 200})
	w := s.ask(t, http.MethodGet, "/find?q="+url.QueryEscape(` o"li\v `)+"&filter=userType+eq+'Member'&column=displayName&column=mail&orderby=displayName&top=20", "Accept", browser)
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		t.Fatal(w.Code, err)
	}
	q := to.Query()
	for name, value := range map[string]string{
		"$search": `"displayName:o\"li\\v" OR "givenName:o\"li\\v" OR "surname:o\"li\\v" OR "mail:o\"li\\v" OR "userPrincipalName:o\"li\\v"`,
		"$filter": "userType eq 'Member'", "$select": "displayName,mail", "$orderby": "displayName", "$top": "20",
	} {
		if q.Get(name) != value {
			t.Errorf("%s is %s, want %s", name, q.Get(name), value)
		}
	}
	_, html := s.browse(t, "/find?q=oli")
	want(t, html, "match, by Graph's count", `Found by oli .`, "Complete: everybody is on this page, as many as Graph counts.", "Olivia Smith")
	if !strings.Contains(html, `value="oli"`) {
		t.Error("the search box has lost the words")
	}
	if hrefs(html)["Show everybody"] != "/users" {
		t.Errorf("everybody is at %q", hrefs(html)["Show everybody"])
	}
	_, html = s.browse(t, "/users?$filter=userType+eq+'Guest'&$orderby=displayName+desc&$select=mail,displayName")
	want(t, html, "Filtered by userType eq 'Guest'")
	if !strings.Contains(html, `aria-sort="descending" title="displayName"`) {
		t.Error("the order is not shown")
	}
	if sorted := hrefs(html)["Display name ↓"]; !strings.Contains(sorted, "$orderby=displayName&") && !strings.HasSuffix(sorted, "$orderby=displayName") {
		t.Errorf("sorting again leads to %q", sorted)
	}
}

func TestNothingOutsideOfTheAllowListIsShown(t *testing.T) {
	s := open(t, simulator.Config{Users: 30}, "id", "displayName", "manager")
	_, html := s.browse(t, "/users")
	if strings.Contains(html, "contoso.example") || strings.Contains(html, "Mail") {
		t.Error("an address is shown")
	}
	for _, target := range []string{"/users?$select=mail", "/users?$filter=startswith(mail,'a')", "/users?$search=%22mail:a%22", "/users?$orderby=mail", "/users?$expand=manager", "/users?nonsense=1", "/users?$top=5&$top=6"} {
		status, html := s.browse(t, target)
		if status != http.StatusBadRequest {
			t.Errorf("%s: %d", target, status)
		}
		want(t, html, "This question cannot be answered", "Request.Invalid, status 400", "Request id")
	}
	if status, html := s.browse(t, "/find?q=anna&column=displayName&column=manager"); status != http.StatusOK {
		t.Errorf("a search with the manager: %d %s", status, text(html))
	}
}

func TestOnePersonIsShownWhole(t *testing.T) {
	s := open(t, simulator.Config{Users: 3})
	_, html := s.browse(t, "/users")
	status, html := s.browse(t, hrefs(html)["Olivia Smith"])
	if status != http.StatusOK {
		t.Fatal(status)
	}
	want(t, html, "Olivia Smith", "User principal name olivia.smith@contoso.example", "Created date time", "On premises sync enabled")
	status, html = s.browse(t, "/users/00000000-0000-4000-8000-000000000000")
	if status != http.StatusNotFound {
		t.Error(status)
	}
	want(t, html, "There is nobody here", "status 404")
}

func TestAWholeListIsProven(t *testing.T) {
	s := open(t, simulator.Config{Users: 230})
	_, html := s.browse(t, "/check")
	want(t, html, "230 people, complete", "Verified")
	_, html = s.browse(t, "/check?$filter=userType+eq+'Guest'")
	want(t, html, "complete", "Verified", "filtered by userType eq 'Guest'")
	b2c := open(t, simulator.Config{Users: 30, B2C: true})
	_, html = b2c.browse(t, "/check")
	want(t, html, "30 people, complete", "Not verified")
	_, html = b2c.browse(t, "/users")
	want(t, html, "Not verified: Graph does not count these people")
	for name, says := range map[string]string{"early-end:1": "The list could not be proven complete", "truncate:2": "Graph does not answer", "malformed-json:1": "Graph does not answer"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, simulator.Config{Users: 2500, Faults: []simulator.Fault{always(t, name)}})
				status, html := s.browse(t, "/check")
				if status != http.StatusServiceUnavailable {
					t.Errorf("status %d", status)
				}
				want(t, html, says)
				if strings.Contains(html, ", complete") {
					t.Error(text(html))
				}
			})
		})
	}
}

func TestATenantWithoutSearchIsSearchedByBeginnings(t *testing.T) {
	s := open(t, simulator.Config{Users: 200, B2C: true})
	status, html := s.browse(t, "/find?q=oli")
	if status != http.StatusBadRequest {
		t.Fatal(status)
	}
	want(t, html, "Graph does not take this question")
	_, html = s.browse(t, hrefs(html)["Search by how names begin"])
	want(t, html, "Olivia Smith")
}

func TestNamesOfStrangersAreOnlyText(t *testing.T) {
	s := open(t, simulator.Config{Users: 800, Hostile: true})
	for next := "/users?$top=400"; next != ""; {
		status, html := s.browse(t, next)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		for _, hidden := range []string{"<script>alert", "<b>&", "\u202e", "\u200b", "\ufeff", "\x1b", "\u0007", "\x00"} {
			if strings.Contains(html, hidden) {
				t.Errorf("the page contains %+q", hidden)
			}
		}
		for words, to := range hrefs(html) {
			if !strings.HasPrefix(to, "/users") && !strings.HasPrefix(to, "/check") && to != "/snapshots" && to != "/changes" && to != "#main" {
				t.Errorf("%q leads to %q", words, to)
			}
		}
		next = hrefs(html)["Next page"]
	}
}

func TestFailuresOfGraphSayWhatToDo(t *testing.T) {
	for fault, c := range map[string]struct {
		status int
		says   []string
	}{
		"429-storm": {http.StatusServiceUnavailable, []string{"Graph asks for patience", "Try again in", "Graph.Throttled", "Request id of Graph"}},
		"503":       {http.StatusServiceUnavailable, []string{"Graph does not answer", "Try again"}},
		"403":       {http.StatusBadGateway, []string{"Graph refuses access", "rollcall doctor", "User.Read.All"}},
	} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, simulator.Config{Users: 30, Faults: []simulator.Fault{always(t, fault)}})
				status, html := s.browse(t, "/users?$filter=userType+eq+'Guest'")
				if status != c.status {
					t.Errorf("status %d", status)
				}
				want(t, html, c.says...)
				if again := hrefs(html)["Try again"]; again != "/users?$filter=userType+eq+%27Guest%27" {
					t.Errorf("again is %q", again)
				}
			})
		})
	}
}

func always(t *testing.T, name string) simulator.Fault {
	t.Helper()
	fault, err := simulator.ParseFault(name)
	if err != nil {
		t.Fatal(err)
	}
	fault.Times = -1
	return fault
}

func TestDownloadsAreTheAPIsOwn(t *testing.T) {
	s := openWith(t, simulator.Config{Users: 120, Hostile: true}, page.Config{Workbooks: true})
	_, html := s.browse(t, "/users?$filter=userType+eq+'Member'&$select=displayName,id")
	links := hrefs(html)
	for name, begins := range map[string]string{"CSV for spreadsheets": "\ufeffdisplayName,id\n", "CSV": "displayName,id\n", "NDJSON": "{"} {
		w := s.ask(t, http.MethodGet, links[name], "Accept", browser)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), begins) || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s (%s): %d %v %.100s", name, links[name], w.Code, w.Header(), w.Body)
		}
	}
	// A failure is a page, and what comes of a program's own request is not.
	status, html := s.browse(t, links["Excel"])
	if status != http.StatusInternalServerError {
		t.Error(status)
	}
	want(t, html, "Something went wrong")
	if w := s.ask(t, http.MethodGet, links["Excel"]); !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Error(w.Header())
	}
}

func TestLinksStayBelowThePrefixOfTheFront(t *testing.T) {
	s := open(t, simulator.Config{Users: 120})
	w := s.ask(t, http.MethodGet, "/users", "Accept", browser, "X-Forwarded-Prefix", "/stage")
	for words, to := range hrefs(w.Body.String()) {
		if !strings.HasPrefix(to, "/stage/") && to != "#main" {
			t.Errorf("%q leads to %q", words, to)
		}
	}
	if w := s.ask(t, http.MethodGet, "/", "Accept", browser, "X-Forwarded-Prefix", "/stage"); w.Header().Get("Location") != "/stage/users" {
		t.Error(w.Header())
	}
	if w := s.ask(t, http.MethodGet, "/", "Accept", browser, "X-Forwarded-Prefix", "//evil.example"); w.Header().Get("Location") != "/users" {
		t.Error(w.Header())
	}
}

func TestAssetsMayBeKeptForEver(t *testing.T) {
	s := open(t, simulator.Config{Users: 1})
	_, html := s.browse(t, "/users")
	start := strings.Index(html, "/assets/page.")
	path := html[start : start+strings.IndexByte(html[start:], '"')]
	w := s.ask(t, http.MethodGet, path, "Accept", "text/css,*/*;q=0.1")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", path, w.Code, w.Header())
	}
	if w := s.ask(t, http.MethodGet, "/assets/page.css"); w.Code != http.StatusNotFound {
		t.Error(w.Code)
	}
}
