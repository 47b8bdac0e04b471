package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheLinkKeepsTheCallersAddressAndOptionsAndShowsNothingOfGraphs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w := s.ask(t, http.MethodGet, "https://abc.execute-api.example/users?$select=DISPLAYNAME&$top=10", header.Prefix, "/prod")
		var b body
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(b.Next)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Host != "abc.execute-api.example" || u.Path != "/prod/v1.0/users" || q.Get("$select") != "displayName" || q.Get("$top") != "10" || q.Get("$skiptoken") == "" || len(q) != 3 {
			t.Errorf("the link is %s", b.Next)
		}
		if strings.Contains(w.Body.String(), "graph.microsoft.com") {
			t.Error("the answer shows Graph's address")
		}
	})
}

func TestTheLinkKeepsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$count=true&$top=10")
		if u, err := url.Parse(b.Next); err != nil || u.Query().Get("$count") != "true" {
			t.Errorf("the link is %s", b.Next)
		}
		_, b = s.get(t, "https://api.example/users?$count=false&$top=10")
		if strings.Contains(b.Next, "$count") || b.Count != nil {
			t.Errorf("count %v and link %s, though no count was wanted", b.Count, b.Next)
		}
	})
}

func TestTheLinkKeepsTheSearchAndThePrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 300})
		w, page := s.get(t, "https://api.example/users?$top=2&$search="+url.QueryEscape(`"DISPLAYNAME:s" OR "displayName:a&$select=mail"`), header.Prefix, "/prod/")
		link := page.Next
		u, err := url.Parse(link)
		if err != nil || !strings.HasPrefix(link, "https://api.example/prod/v1.0/users?") {
			t.Fatalf("the link is %q (%v): %d %.300s", link, err, w.Code, w.Body)
		}
		q := u.Query()
		if got, want := q.Get("$search"), `"displayName:s" OR "displayName:a&$select=mail"`; got != want || q.Has("$select") || q.Get("$top") != "2" {
			t.Errorf("the link's options are %v", q)
		}
	})
}

// Page two has to come in the format of page one.
func TestTheLinkKeepsTheFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$top=5&$format=json", "Accept", "text/csv")
		w := s.ask(t, http.MethodGet, b.Next, "Accept", "text/csv")
		if w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestADirectInvocationGetsRelativeLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w := s.ask(t, http.MethodGet, "/users", "Host", "")
		if !strings.Contains(w.Body.String(), `"@odata.nextLink":"/v1.0/users?`) {
			t.Errorf("%.300s", w.Body)
		}
	})
}

func TestALinkOfGraphsWithoutATokenIsNotPassedOn(t *testing.T) {
	s := serveFrom(t, answering(t, func(*http.Request) string {
		return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skip=100","value":[{"id":"00000000-0000-4000-8000-000000000001"}]}`
	}), "id")
	for _, q := range []string{"", "?$skiptoken="} {
		if w, b := s.get(t, "https://api.example/users"+q); w.Code == 200 && strings.HasSuffix(b.Next, "$skiptoken=") {
			t.Errorf("%q: %s", q, b.Next)
		}
	}
}

func TestAForgedHostCannotBreakOutOfItsString(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w := s.ask(t, http.MethodGet, "https://api.example/users", "Host", `evil","value":[{"id":"forged"}],"x":"`+"\xff")
		var b body
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || len(b.Value) != 100 {
			t.Errorf("%d users, %v: %.200s", len(b.Value), err, w.Body)
		}
	})
}
