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
		"https://GRAPH.microsoft.com:443/V1.0/Users?$skiptoken=X'44537074'":  true,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a b":              true,
		"http://graph.microsoft.com/v1.0/users?$skiptoken=a":                 false,
		"https://graph.microsoft.com.evil.example/v1.0/users?$skiptoken=a":   false,
		"https://evil.example/v1.0/users?$skiptoken=a":                       false,
		"https://graph.microsoft.com@evil.example/v1.0/users?$skiptoken=a":   false,
		"https://user@graph.microsoft.com/v1.0/users?$skiptoken=a":           false,
		"https://graph.microsoft.com:8443/v1.0/users?$skiptoken=a":           false,
		"https://graph.microsoft.com/v1.0/groups?$skiptoken=a":               false,
		"https://graph.microsoft.com/v1.0/users/../groups?$skiptoken=a":      false,
		"https://graph.microsoft.com/v1.0/users%2f..%2fgroups?$skiptoken=a":  false,
		"https://graph.microsoft.com/v1.0%2fusers?$skiptoken=a":              false,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a#fragment":       false,
		"//graph.microsoft.com/v1.0/users?$skiptoken=a":                      false,
		"/v1.0/users?$skiptoken=a":                                           false,
		"https://graph.microsoft.com/v1.0/users?$skiptoken=a\nHost: evil":    false,
		"https://graph.m\u0130crosoft.com/v1.0/users?$skiptoken=a":           false,
		"https://graph.m%C4%B0crosoft.com/v1.0/users?$skiptoken=a":           false,
		"https://graph.micro\u017foft.com/v1.0/users?$skiptoken=a":           false,
		"https://graph.micro%C5%BFoft.com/v1.0/users?$skiptoken=a":           false,
		"https://gr\uff41ph.microsoft.com/v1.0/users?$skiptoken=a":           false,
		"https://graph\u3002microsoft.com/v1.0/users?$skiptoken=a":           false,
		"https://graph.micro\u00adsoft.com/v1.0/users?$skiptoken=a":          false,
		"https://graph.microsoft.com./v1.0/users?$skiptoken=a":               false,
		"https://graph.microsoft.com:/v1.0/users?$skiptoken=a":               false,
		"https://graph.microsoft.com:0443/v1.0/users?$skiptoken=a":           false,
		"https://graph.microsoft.com:443:443/v1.0/users?$skiptoken=a":        false,
		"https://@graph.microsoft.com/v1.0/users?$skiptoken=a":               false,
		"https://:@graph.microsoft.com/v1.0/users?$skiptoken=a":              false,
		"https://[fe80::1%25graph.microsoft.com]/v1.0/users?$skiptoken=a":    false,
		"https://graph.microsoft.com\\@evil.example/v1.0/users?$skiptoken=a": false,
		"https:\\\\graph.microsoft.com/v1.0/users?$skiptoken=a":              false,
		"https://evil.example\\.graph.microsoft.com/v1.0/users?$skiptoken=a": false,
		"https://graph.microsoft.com\t/v1.0/users?$skiptoken=a":              false,
		"https://graph.microsoft.com%00.evil/v1.0/users?$skiptoken=a":        false,
		" https://graph.microsoft.com/v1.0/users?$skiptoken=a":               false,
		"https:graph.microsoft.com/v1.0/users?$skiptoken=a":                  false,
		"https:///graph.microsoft.com/v1.0/users?$skiptoken=a":               false,
		"https://graph.microsoft.com/v1.0/u\u017fers?$skiptoken=a":           false,
		"https://graph.microsoft.com/v1.0/u%C5%BFers?$skiptoken=a":           false,
		"https://graph.microsoft.com/v1.0/%75sers?$skiptoken=a":              false,
		"https://graph.microsoft.com/v1.0/users/?$skiptoken=a":               false,
		"https://graph.microsoft.com//v1.0/users?$skiptoken=a":               false,
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
			if u.Host != "graph.microsoft.com" {
				t.Errorf("%s: followed to %q, which is not the configured host as it was configured", link, u.Host)
			}
			if u.RawQuery != query {
				t.Errorf("%s: followed with the query %q", link, u.RawQuery)
			}
		}
	}
}

// followed lets a list begin at the link and returns the URL that is requested.
func followed(t *testing.T, link string) (*url.URL, error) {
	t.Helper()
	return followedFrom(t, "https://graph.microsoft.com", link)
}

func followedFrom(t *testing.T, base, link string) (*url.URL, error) {
	t.Helper()
	transport := pages(1)
	client, err := graph.New(graph.Config{BaseURL: base, Tokens: oneToken{}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	pager := client.Pager(graph.Query{})
	if err := pager.From(link); err != nil {
		return nil, err
	}
	if _, err := readAll(t.Context(), pager); err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	if sent := transport.sent[0]; sent.Host != sent.URL.Host {
		t.Errorf("%q is sent to %q with the host %q", link, sent.URL.Host, sent.Host)
	}
	return transport.sent[0].URL, nil
}

// FuzzALinkThatIsFollowedStaysOnTheHost has a host with the letters that Unicode folds
// others to: i, s and k.
func FuzzALinkThatIsFollowedStaysOnTheHost(f *testing.F) {
	const host = "graph.microsoftskin.com"
	for _, authority := range []string{
		host, host + ":443", "GRAPH.microsoftskin.com", "graph.m\u0130crosoftskin.com", "graph.m%C4%B0crosoftskin.com", "graph.micro\u017foftskin.com",
		"graph.microsofts\u212ain.com", "graph\u3002microsoftskin.com", "\uff47raph.microsoftskin.com", host + ".", host + ":", host + ":0443", host + ":8443",
		"user@" + host, "@" + host, host + "@evil.example", host + "\\@evil.example", host + "\t", host + "\n", "[fe80::1%25" + host + "]", "evil.example#" + host,
	} {
		f.Add("https://" + authority + "/v1.0/users?a=b")
	}
	for _, link := range []string{"https:" + host + "/v1.0/users", "//" + host + "/v1.0/users", "HTTPS://" + host + "/V1.0/USERS", "https://" + host + "/v1.0/u\u017fers", "https://" + host + "/v1.0/users#a"} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		u, err := followedFrom(t, "https://"+host, link)
		if err != nil {
			return
		}
		if u.Scheme != "https" || u.Host != host || u.User != nil || u.Opaque != "" {
			t.Errorf("%q leads to %s", link, u)
		}
		scheme, rest, _ := strings.Cut(link, "://")
		authority, path, _ := strings.Cut(rest, "/")
		path, _, _ = strings.Cut(path, "?")
		if lower(scheme) != "https" || strings.TrimSuffix(lower(authority), ":443") != host || lower(path) != "v1.0/users" {
			t.Errorf("%q is followed, but its bytes are not those of the list's address", link)
		}
	})
}

// lower is text with its ASCII letters in lower case.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
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
