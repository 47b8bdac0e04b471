package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

// fake is a transport and a token source.
type fake func(*http.Request) *http.Response

func (f fake) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func (fake) Token(context.Context, string, string) (string, error) { return "token", nil }

func (f fake) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{BaseURL: "https://graph.microsoft.com", Tokens: f, Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func TestATokenIsSentToNoOtherHost(t *testing.T) {
	c := fake(func(*http.Request) *http.Response {
		t.Error("a request was made")
		return response(http.StatusOK, "")
	}).client(t)
	for _, address := range []string{
		"http://graph.microsoft.com/v1.0/users", "https://evil.example/v1.0/users", "https://graph.microsoft.com@evil.example/v1.0/users", "https://a:b@graph.microsoft.com/v1.0/users",
		"https://graph.m\u0130crosoft.com/v1.0/users", "https://graph.m%C4%B0crosoft.com/v1.0/users", "https://graph.microsoft.com./v1.0/users", "https://graph.microsoft.com:8443/v1.0/users",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.send(t.Context(), request{url: u}, "token")
		var refused *LinkError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", address, err)
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
	}
}

func TestABodyIsSentWithEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const body = `{"requests":[]}`
		statuses := []int{http.StatusUnauthorized, http.StatusServiceUnavailable, http.StatusCreated}
		sent := 0
		c := fake(func(r *http.Request) *http.Response {
			got, err := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || r.ContentLength != int64(len(body)) || string(got) != body || r.Header.Get("Content-Type") != "application/json" || err != nil {
				t.Errorf("%s %q, %v", r.Method, got, err)
			}
			sent++
			return response(statuses[sent-1], "{}")
		}).client(t)
		decoded := ""
		err := c.read(t.Context(), request{method: http.MethodPost, url: c.url("/v1.0/$batch", ""), body: []byte(body), accept: http.StatusCreated}, new(Stats), func(b []byte) error {
			decoded = string(b)
			return nil
		})
		if err != nil || sent != 3 || decoded != "{}" {
			t.Errorf("%d requests, %q, %v", sent, decoded, err)
		}
	})
}

func TestABodyAboveTheLimitIsNotRetried(t *testing.T) {
	sent := 0
	c := fake(func(*http.Request) *http.Response {
		sent++
		return response(http.StatusOK, strings.Repeat(" ", maxBody)+"7")
	}).client(t)
	if n, err := c.Count(t.Context(), Query{}, new(Stats)); err == nil || sent != 1 {
		t.Errorf("%d requests, %d, %v", sent, n, err)
	}
}

func TestAPagerRemembersTheIDsOfOnePageOnly(t *testing.T) {
	pages := 0
	pager := fake(func(*http.Request) *http.Response {
		link := ""
		if pages++; pages < 500 {
			link = fmt.Sprintf(`"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d",`, pages)
		}
		return response(http.StatusOK, fmt.Sprintf(`{%s"value":[{"id":"00000000-0000-4000-8000-%012d"}]}`, link, pages))
	}).client(t).Pager(Query{})
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
	if pages != 500 {
		t.Errorf("%d pages", pages)
	}
}

func TestACircleOfLinksOfAnyLengthIsFound(t *testing.T) {
	for _, before := range []int{0, 1, 5, 100} {
		for _, circle := range []int{1, 2, 3, 7, 64, 1000} {
			var l loopDetector
			found := -1
			for i := range 4*(before+circle) + 4 {
				n := i
				if n >= before {
					n = before + (i-before)%circle
				}
				if l.visit(fmt.Sprint("page ", n)) != nil {
					found = i
					break
				}
			}
			if found < before+circle {
				t.Errorf("a circle of %d after %d: found at %d", circle, before, found)
			}
		}
	}
}

func TestLinksThatNeverRepeatAreNoCircle(t *testing.T) {
	var l loopDetector
	for i := range 100_000 {
		if err := l.visit(fmt.Sprint(i)); err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
	}
}

func TestAMemberIsFoundWhereverItStands(t *testing.T) {
	for object, want := range map[string]string{
		`{"id":"a"}`:          `"a"`,
		`{"x":null,"id":"a"}`: `"a"`,
		`{"x":{"id":"no"},"y":["id",{"id":1}],"id":"a"}`: `"a"`,
		`{"x":"\"id\":\"no\"","id":"a"}`:                 `"a"`,
		`{"x":"\\","id":"a"}`:                            `"a"`,
		`{"x":"}]","id":"a","z":1}`:                      `"a"`,
		"{ \"x\" : [ ] ,\n\t\"id\" : \"a\" }":            `"a"`,
		`{"x":-1.5e3,"id":7}`:                            `7`,
		`{"ID":"a"}`:                                     ``,
		`{"x":{"id":"no"}}`:                              ``,
		`{}`:                                             ``,
		`{ }`:                                            ``,
	} {
		if got := Member([]byte(object), "id"); string(got) != want {
			t.Errorf("the id of %s is %s, want %s", object, got, want)
		}
	}
}

func FuzzAMemberIsThatOfAFullDecoder(f *testing.F) {
	f.Add([]byte(`{"id":"a","x":[1,{"id":2}],"y":"\\\""}`))
	f.Add([]byte(`{"x":"\\","id" : {"a":"}"} }`))
	f.Fuzz(func(t *testing.T, object []byte) {
		object = bytes.TrimSpace(object)
		var full map[string]json.RawMessage
		if json.Unmarshal(object, &full) != nil || full == nil || bytes.Count(object, []byte(`id`)) > 1 || bytes.Contains(object, []byte(`\u`)) {
			return
		}
		if got := Member(object, "id"); !bytes.Equal(got, full["id"]) {
			t.Errorf("Member(%s) = %s, want %s", object, got, full["id"])
		}
	})
}
