package graph_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

func TestALinkIsFollowedOnlyToTheHostAndPathOfTheList(t *testing.T) {
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
		"https://graph.microsoft.com/v1.0%2fusers?$skiptoken=a":             false,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a#fragment":      false,
		"//graph.microsoft.com/v1.0/users?$skiptoken=a":                     false,
		"/v1.0/users?$skiptoken=a":                                          false,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a\nHost: evil":   false,
		"": false,
	} {
		u, err := followed(t, link)
		if (err == nil) != follow {
			t.Errorf("%s: error %v, want followed=%t", link, err, follow)
			continue
		}
		var refused *graph.LinkError
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

// followed lets a list begin at the link and returns the URL that is requested.
func followed(t *testing.T, link string) (*url.URL, error) {
	t.Helper()
	transport := pages(1)
	pager := transport.client(t, graph.Config{}).Pager(graph.Query{})
	if err := pager.From(link); err != nil {
		return nil, err
	}
	if _, err := readAll(t.Context(), pager); err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	return transport.sent[0].URL, nil
}

func FuzzALinkThatIsFollowedStaysOnTheHost(f *testing.F) {
	for _, seed := range []string{"https://graph.microsoft.com/v1.0/users?a=b", "https://graph.microsoft.com:443/v1.0/users", "https:graph.microsoft.com", "https://graph.microsoft.com\\@evil/v1.0/users"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		u, err := followed(t, link)
		if err == nil && (u.Scheme != "https" || !strings.EqualFold(u.Hostname(), "graph.microsoft.com") || u.User != nil) {
			t.Errorf("%q leads to %s", link, u)
		}
	})
}

func TestSkipTokenExtractsTheTokenOfALink(t *testing.T) {
	for link, want := range map[string]string{
		"https://h/v1.0/users?$select=id&$skiptoken=RFNwdA-_":  "RFNwdA-_",
		"https://h/v1.0/users?%24skiptoken=X%274453%27&$top=5": "X'4453'",
		"https://h/v1.0/users?$skipToken=abc":                  "abc",
		"https://h/v1.0/users?$top=5":                          "",
		"%zz":                                                  "",
		"":                                                     "",
	} {
		if got := graph.SkipToken(link); got != want {
			t.Errorf("graph.SkipToken(%q) = %q, want %q", link, got, want)
		}
	}
}
