package lambda_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func TestAPathReachesTheHandlerAsItWasSent(t *testing.T) {
	escaped := map[string]string{
		"/users/a_b.com%23EXT%23%40c":  "",
		"/users/%2e%2e%2fgroups":       "",
		"/users/../groups":             "",
		"/users/a%2Fb":                 "",
		"/users/a%252Fb":               "",
		"//evil.example/users":         "",
		"/users/a'b+c;d,e=f@g!$&()*:~": "",
		"/users/é ?#\"<>^`{|}\\":       "/users/%C3%A9%20%3F%23%22%3C%3E%5E%60%7B%7C%7D%5C",
		"/users/[1]%2F|":               "/users/[1]%2F%7C",
		"/":                            "",
	}
	unescaped := map[string]string{
		"/users/a_b.com#EXT#@c":  "/users/a_b.com%23EXT%23@c",
		"/users/%2e%2e%2fgroups": "/users/%252e%252e%252fgroups",
		"/users/100%":            "/users/100%25",
		"/users/a?b c":           "/users/a%3Fb%20c",
		"/users/a/b":             "/users/a/b",
		"//evil.example/users":   "//evil.example/users",
	}
	set := map[string][]string{"rest": {"path"}, "functionurl": {"rawPath"}, "alb": {"path"}, "httpapi": {"rawPath"}, "httpapi1": {"path"}}
	for trigger, member := range set {
		paths := escaped
		if strings.HasPrefix(trigger, "httpapi") {
			paths = unescaped
		}
		for sent, want := range paths {
			if want == "" {
				want = sent
			}
			var got string
			l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.EscapedPath() })}
			invoke(t, l, edited(t, trigger, sent, member...))
			if got != want {
				t.Errorf("%s: %s arrives as %s, want %s", trigger, sent, got, want)
			}
		}
		bad := []string{"", "users", "*"}
		if !strings.HasPrefix(trigger, "httpapi") {
			bad = append(bad, "/users/%", "/users/%2", "/users/%zz")
		}
		for _, sent := range bad {
			got := answerOf(t, invoke(t, &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(echo)}, edited(t, trigger, sent, member...)))
			if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.Body, "Request.Invalid") {
				t.Errorf("%s: %q is answered %d %s", trigger, sent, got.StatusCode, got.Body)
			}
		}
	}
}

func TestThePrefixBeforeARouteIsFound(t *testing.T) {
	id := map[string]string{"id": "7", "proxy": "v1.0/users"}
	for _, c := range []struct{ path, route, stage, before, rest string }{
		{"/users", "/users", "", "", "/users"},
		{"/prod/users", "/users", "prod", "/prod", "/users"},
		{"/a/b/users/", "/users", "", "/a/b", "/users/"},
		{"/base/users/7", "/users/{id}", "", "/base", "/users/7"},
		{"/base/v1.0/users", "/{proxy+}", "", "/base", "/v1.0/users"},
		{"/base/v1.0/users/", "/{proxy+}", "", "/base", "/v1.0/users/"},
		{"/base/users", "/{other+}", "", "", "/base/users"},
		{"/base/users/8", "/users/{id}", "", "", "/base/users/8"},
		{"/prod/users", "$default", "prod", "/prod", "/users"},
		{"/production/users", "$default", "prod", "", "/production/users"},
		{"/users", "$default", "$default", "", "/users"},
		{"/users", "$default", "", "", "/users"},
		{"/xusers", "/users", "", "", "/xusers"},
		{"/users", "/", "", "", "/users"},
	} {
		var before, rest string
		h := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			before, rest = r.Header.Get(header.Prefix), r.URL.Path
		})}
		e := edited(t, "httpapi1", c.path, "path")
		for member, value := range map[string]any{"resource": c.route, "pathParameters": id} {
			e = edit(t, e, value, member)
		}
		e = edit(t, e, c.stage, "requestContext", "stage")
		invoke(t, h, edit(t, e, "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "requestContext", "domainName"))
		if before != c.before || rest != c.rest {
			t.Errorf("%s at %s: %q and %q, want %q and %q", c.path, c.route, before, rest, c.before, c.rest)
		}
	}
}

func TestAnHTTPAPIsStageIsPartOfItsOwnAddressOnly(t *testing.T) {
	for domain, want := range map[string]string{"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com": "/prod", "api.example.com": ""} {
		var got string
		l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get(header.Prefix) })}
		invoke(t, l, edited(t, "httpapi-stage", domain, "requestContext", "domainName"))
		if got != want {
			t.Errorf("%s: %q", domain, got)
		}
	}
}

func FuzzAnEscapedPathStaysItself(f *testing.F) {
	for _, seed := range []string{"/users/a%2Fb", "/%", "/é", "/a b#c?d", "//x", "/[%5B]", ""} {
		f.Add(seed)
	}
	template := event(f, "functionurl-anonymous")
	f.Fuzz(func(t *testing.T, path string) {
		read := func(path string) (escaped, plain string, ok bool) {
			h := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				escaped, plain, ok = r.URL.EscapedPath(), r.URL.Path, true
			})}
			invoke(t, h, edit(t, template, path, "rawPath"))
			return
		}
		once, plain, ok := read(path)
		if !ok {
			return
		}
		twice, same, ok := read(once)
		if !ok || twice != once || same != plain {
			t.Fatalf("%q becomes %q", path, once)
		}
		if strings.ContainsAny(once, "?# ") || !strings.HasPrefix(once, "/") {
			t.Fatalf("%q becomes %q", path, once)
		}
	})
}

// Gateways decode path and parameters differently, so neither tells how the other is
// written. The key that a caller sent arrives whichever way they do.
func TestAnOddKeyArrivesWithThePrefixTakenOffHoweverItsParametersAreWritten(t *testing.T) {
	for _, upn := range []string{
		"o'neil@c.example", "a^b!c~d@c.example", "a+b@c.example", "100%@c.example", "%41@c.example", "a&b=c@c.example", "a b@c.example", "zoë@c.example",
		"$cash@c.example", "a_b#EXT#@c.example", "a;b,c:(d)@c.example",
	} {
		raw, escaped := "/users/"+upn, "/users/"+url.PathEscape(upn)
		every := "/users/"
		for _, c := range []byte(upn) {
			every += fmt.Sprintf("%%%02x", c)
		}
		for trigger, paths := range map[string]struct {
			member string
			sent   []string
		}{
			"rest": {"path", []string{escaped, every}}, "functionurl": {"rawPath", []string{escaped, every}}, "alb": {"path", []string{escaped, every}},
			"alb-multi": {"path", []string{escaped, every}}, "httpapi": {"rawPath", []string{raw}}, "httpapi1": {"path", []string{raw}},
		} {
			for _, sent := range paths.sent {
				prefixes := []string{""}
				if trigger == "rest" || strings.HasPrefix(trigger, "httpapi") {
					prefixes = append(prefixes, "/base", "/a/b")
				}
				for _, prefix := range prefixes {
					for _, parameter := range []string{raw, escaped, every} {
						e := edited(t, trigger, prefix+sent, paths.member)
						e = edit(t, e, map[string]string{"proxy": parameter[1:]}, "pathParameters")
						if trigger == "httpapi" {
							e = edit(t, e, "ANY /{proxy+}", "routeKey")
						} else {
							e = edit(t, e, "/{proxy+}", "resource")
						}
						if trigger == "rest" {
							e = edit(t, e, prefix+sent, "requestContext", "path")
						}
						var key, before string
						h := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
							key, before = r.URL.Path, r.Header.Get(header.Prefix)
						})}
						invoke(t, h, e)
						if key != raw || before != prefix {
							t.Errorf("%s: %s%s with the parameter %s arrives as %q behind %q", trigger, prefix, sent, parameter, key, before)
						}
					}
				}
			}
		}
	}
}
