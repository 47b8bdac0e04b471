package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type fixedToken string

func (f fixedToken) Token(context.Context, string, string) (string, error) { return string(f), nil }

func newTestClient(t *testing.T, base string) *Client {
	t.Helper()
	c, err := New(Config{BaseURL: base, Tokens: fixedToken("token")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestALinkIsFollowedOnlyWhereTheListBegan(t *testing.T) {
	c := newTestClient(t, "https://graph.microsoft.com")
	const good = "https://graph.microsoft.com/v1.0/users?$select=id%2cmail&$top=999&$skiptoken=RFNwdAIAAQ"
	for link, follow := range map[string]bool{
		good: true,
		"https://GRAPH.microsoft.com:443/V1.0/Users?$skiptoken=X'44537074'": true,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a b":             true,
		"http://graph.microsoft.com/v1.0/users?$skiptoken=a":                false,
		"https://graph.microsoft.com.evil.example/v1.0/users?$skiptoken=a":  false,
		"https://evil.example/v1.0/users?$skiptoken=a":                      false,
		"https://graph.microsoft.com@evil.example/v1.0/users?$skiptoken=a":  false,
		"https://user@graph.microsoft.com/v1.0/users?$skiptoken=a":          false,
		"https://graph.microsoft.com:8443/v1.0/users?$skiptoken=a":          false,
		"https://graph.microsoft.com/v1.0/groups?$skiptoken=a":              false,
		"https://graph.microsoft.com/v1.0/users/../groups?$skiptoken=a":     false,
		"https://graph.microsoft.com/v1.0/users%2f..%2fgroups?$skiptoken=a": false,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a#fragment":      false,
		"//graph.microsoft.com/v1.0/users?$skiptoken=a":                     false,
		"/v1.0/users?$skiptoken=a":                                          false,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a\nHost: evil":   false,
		"": false,
	} {
		u, err := c.resolve(link, usersPath)
		if (err == nil) != follow {
			t.Errorf("%s: error %v, want followed=%t", link, err, follow)
			continue
		}
		var refused *LinkError
		if err != nil && (!errors.As(err, &refused) || strings.Contains(err.Error(), "skiptoken")) {
			t.Errorf("%s: error %q is not a LinkError that keeps the link to itself", link, err)
		}
		if err == nil {
			_, query, _ := strings.Cut(link, "?")
			if u.RawQuery != query {
				t.Errorf("%s: followed with the query %q", link, u.RawQuery)
			}
		}
	}
}

func FuzzAResolvedLinkStaysOnTheHost(f *testing.F) {
	for _, seed := range []string{"https://graph.example/v1.0/users?a=b", "https://graph.example:443/v1.0/users", "https:graph.example", "https://graph.example\\@evil/v1.0/users"} {
		f.Add(seed)
	}
	c, err := New(Config{BaseURL: "https://graph.example", Tokens: fixedToken("t")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		u, err := c.resolve(link, usersPath)
		if err == nil && (u.Scheme != "https" || !strings.EqualFold(u.Hostname(), "graph.example") || u.User != nil) {
			t.Errorf("%q leads to %s", link, u)
		}
	})
}

func TestABaseURLThatIsNoHTTPSHostIsRefused(t *testing.T) {
	for _, base := range []string{"", "graph.microsoft.com", "http://graph.microsoft.com", "https://graph.microsoft.com/v1.0", "https://u:p@graph.microsoft.com", "https://graph.microsoft.com?x=1", "https://"} {
		if _, err := New(Config{BaseURL: base, Tokens: fixedToken("t")}); err == nil {
			t.Errorf("%q was taken", base)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q shows a password: %v", base, err)
		}
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

func TestALineOfLinksIsNoCircle(t *testing.T) {
	var l loopDetector
	for i := range 100_000 {
		if err := l.visit(fmt.Sprint(i)); err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
	}
}

func TestSkipTokenTakesTheTokenOutOfALink(t *testing.T) {
	for link, want := range map[string]string{
		"https://h/v1.0/users?$select=id&$skiptoken=RFNwdA-_":  "RFNwdA-_",
		"https://h/v1.0/users?%24skiptoken=X%274453%27&$top=5": "X'4453'",
		"https://h/v1.0/users?$skipToken=abc":                  "abc",
		"https://h/v1.0/users?$top=5":                          "",
		"%zz":                                                  "",
		"":                                                     "",
	} {
		if got := SkipToken(link); got != want {
			t.Errorf("SkipToken(%q) = %q, want %q", link, got, want)
		}
	}
}
