package graph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

const (
	someone = `{"id":"00000000-0000-4000-8000-000000000001"}`
	another = `{"id":"00000000-0000-4000-8000-000000000002"}`
	ahead   = `"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=2"`
)

func TestAResponseThatIsNotOneWholePageIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                      ``,
		"an array":                     `[` + someone + `]`,
		"value is null":                `{"value":null}`,
		"value is an object":           `{"value":` + someone + `}`,
		"two values":                   `{"value":[` + someone + `],"value":[` + another + `]}`,
		"two links":                    `{` + ahead + `,` + strings.ReplaceAll(ahead, "=2", "=3") + `,"value":[` + someone + `]}`,
		"an empty link":                `{"@odata.nextLink":"","value":[` + someone + `]}`,
		"a link that is a number":      `{"@odata.nextLink":7,"value":[` + someone + `]}`,
		"an error behind the users":    `{"value":[` + someone + `],"error":{"code":"UnknownError"}}`,
		"a second page behind it":      `{"value":[` + someone + `]}{"value":[` + another + `]}`,
		"garbage behind it":            `{"value":[` + someone + `]} anna.canary`,
		"an end without its brace":     `{"value":[` + someone + `]`,
		"a user that is null":          `{"value":[null]}`,
		"a user that is a list":        `{"value":[[` + someone + `]]}`,
		"a user with two of a name":    `{"value":[{"a":1,"a":2,"id":"7"}]}`,
		"a user with an empty id":      `{"value":[{"id":""}]}`,
		"a user whose id is a number":  `{"value":[{"id":1}]}`,
		"a user who is not UTF-8":      "{\"value\":[{\"id\":\"1\",\"displayName\":\"anna.canary\xff\"}]}",
		"a syntax error behind a user": `{"value":[` + someone + `,{"mail":"anna.canary"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := scripted(func(r *http.Request) (int, string) {
					if r.URL.Query().Has("$skiptoken") {
						return 200, `{"value":[` + another + `]}`
					}
					return 200, body
				})
				n, err := readAll(t.Context(), transport.client(t, 2).Pager(graph.Query{}))
				if err == nil {
					t.Fatalf("%d users look like a whole list", n)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows a person: %v", err)
				}
			})
		})
	}
}

func TestAnUnusualPageIsRead(t *testing.T) {
	for name, c := range map[string]struct{ body, id, raw string }{
		"a link that is null":       {`{"@odata.nextLink":null,"value":[` + someone + `]}`, "00000000-0000-4000-8000-000000000001", someone},
		"unknown members":           {`{"@odata.context":"x","x":{"value":[1]},"value":[` + someone + `],"y":[{}]}`, "00000000-0000-4000-8000-000000000001", someone},
		"a member given twice":      {`{"x":1,"x":2,"value":[{"a":1,"id":"7"}]}`, "7", `{"a":1,"id":"7"}`},
		"a name cut in a surrogate": {`{"value":[{"displayName":"Anna \ud83d","id":"7"}]}`, "7", `{"displayName":"Anna \ufffd","id":"7"}`},
		"an id that is escaped":     {`{"value":[{"id":"\u0037"}]}`, "7", `{"id":"\u0037"}`},
		"a user on several lines":   {"{\"value\":[{\n\"id\" :\r\n\"7\"}]}\n", "7", `{"id" :"7"}`},
		"a lone carriage return":    {"{\"value\":[{\r\"id\":\"7\"}]}", "7", `{"id":"7"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := scripted(func(*http.Request) (int, string) { return 200, c.body })
				users := 0
				for page, err := range transport.client(t, 1).Pager(graph.Query{}).Pages(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					for user, err := range page.Users() {
						if err != nil {
							t.Fatal(err)
						}
						if users++; string(user.ID) != c.id || string(user.Raw) != c.raw {
							t.Errorf("user %s: %s", user.ID, user.Raw)
						}
					}
				}
				if users != 1 {
					t.Errorf("%d users", users)
				}
			})
		})
	}
}

// pages are answers with n pages of one user each.
func pages(n int) *answers {
	var a answers
	for i := range n {
		link := ""
		if i < n-1 {
			link = fmt.Sprintf(`"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d",`, i)
		}
		a.all = append(a.all, answer{
			status: http.StatusOK, body: fmt.Sprintf(`{%s"@odata.count":%d,"value":[{"id":"00000000-0000-4000-8000-%012d"}]}`, link, n, i),
		})
	}
	return &a
}

func TestAPageCanBeReadOnceAndKnowsItsLinkAtItsEnd(t *testing.T) {
	transport := pages(2)
	p, err := transport.client(t, graph.Config{}).Page(t.Context(), graph.Query{}, "")
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
	if last == nil || read != 0 || len(transport.sent) != 1 {
		t.Errorf("second reading: %d users, %d requests, %v", read, len(transport.sent), last)
	}
}

func TestTheCountOfABodyThatBrokeIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []answer{
			{status: http.StatusOK, body: `{"@odata.count":7,"value":[{"id":`},
			{status: http.StatusOK, body: `{"value":[{"id":"7"}]}`},
		}}
		p, err := transport.client(t, graph.Config{}).Page(t.Context(), graph.Query{}, "")
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
