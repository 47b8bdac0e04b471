package graph

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// pages are answers with n pages of one user each.
func pages(n int) *answers {
	var a answers
	for i := range n {
		link := ""
		if i < n-1 {
			link = fmt.Sprintf(`"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d",`, i)
		}
		a.all = append(a.all, http.Response{
			StatusCode: http.StatusOK, Status: fmt.Sprintf(`{%s"@odata.count":%d,"value":[{"id":"00000000-0000-4000-8000-%012d"}]}`, link, n, i),
		})
	}
	return &a
}

func TestAPageIsReadOnceAndKnowsItsLinkAtItsEnd(t *testing.T) {
	transport := pages(2)
	p, err := transport.client(t, Config{}).Page(t.Context(), Query{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range p.Users() {
		if err != nil || p.Link() != "" {
			t.Fatalf("within the page: link %q, %v", p.Link(), err)
		}
	}
	if !strings.Contains(p.Link(), "skiptoken=0") {
		t.Errorf("link %q", p.Link())
	}
	read, last := 0, error(nil)
	for _, err := range p.Users() {
		if last = err; err == nil {
			read++
		}
	}
	if last == nil || read != 0 || len(transport.asked) != 1 {
		t.Errorf("read again: %d users, %d requests, %v", read, len(transport.asked), last)
	}
}

func TestAPagerRemembersTheIDsOfOnePageOnly(t *testing.T) {
	pager := pages(500).client(t, Config{}).Pager(Query{})
	for p, err := range pager.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range p.Users() {
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := len(pager.delivered); n != 37 {
			t.Fatalf("page %d: %d bytes of ids are kept, want those of its one user", p.Number, n)
		}
	}
}

func TestACountOfABodyThatBrokeIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []http.Response{
			{StatusCode: http.StatusOK, Status: `{"@odata.count":7,"value":[{"id":`},
			{StatusCode: http.StatusOK, Status: `{"value":[{"id":"7"}]}`},
		}}
		p, err := transport.client(t, Config{}).Page(t.Context(), Query{}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range p.Users() {
			if err != nil {
				t.Fatal(err)
			}
		}
		if n, ok := p.Count(); ok {
			t.Errorf("count %d", n)
		}
	})
}
