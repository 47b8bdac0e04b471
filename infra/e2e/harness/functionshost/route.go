package functionshost

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// template is a route: its segments between slashes.
type template []segment

// segment is a literal, or a parameter if it has a name.
type segment struct {
	literal  string
	name     string
	optional bool
	rest     bool // all that is left of the path
}

// parseTemplate reads a route of literals, {name}, {name?} and {*rest}. ASP.NET has more.
func parseTemplate(route string) (template, error) {
	var t template
	parameter := regexp.MustCompile(`^\{(\*?)([A-Za-z_][A-Za-z0-9_]*)(\??)\}$`)
	for text := range strings.SplitSeq(strings.Trim(route, "/"), "/") {
		if len(t) > 0 && (t[len(t)-1].rest || t[len(t)-1].optional) {
			return nil, fmt.Errorf("route %q goes on after a parameter that has to be the last", route)
		}
		found := parameter.FindStringSubmatch(text)
		switch {
		case text == "" && route != "/":
			return nil, fmt.Errorf("route %q has an empty segment", route)
		case found != nil:
			t = append(t, segment{name: found[2], rest: found[1] != "", optional: found[3] != ""})
		case strings.ContainsAny(text, "{}*?"):
			return nil, fmt.Errorf("segment %q of a route is not a literal, {name}, {name?} or {*rest}, which are all that this host knows", text)
		default:
			t = append(t, segment{literal: text})
		}
	}
	return t, nil
}

// match compares a route with the segments of a path after the prefix, and returns the
// values of its parameters; an optional one that is not there is nil.
func (t template) match(path []string) (map[string]any, bool) {
	params := map[string]any{}
	for i, s := range t {
		switch {
		case s.rest:
			params[s.name] = nil
			if i < len(path) {
				params[s.name] = strings.Join(path[i:], "/")
			}
			return params, true
		case i >= len(path):
			if !s.optional {
				return nil, false
			}
			params[s.name] = nil
			return params, true
		case s.name == "" && !strings.EqualFold(s.literal, path[i]), s.name != "" && path[i] == "":
			return nil, false
		case s.name != "":
			params[s.name] = path[i]
		}
	}
	return params, len(path) == len(t)
}

// route finds the first function, in the order of their names, whose route and methods
// take a request.
func (a *app) route(r *http.Request) (*function, map[string]any) {
	path := segments(decoded(r.URL))
	if a.prefix != "" {
		prefix := strings.Split(a.prefix, "/")
		if len(path) < len(prefix) || !slices.EqualFunc(prefix, path[:len(prefix)], strings.EqualFold) {
			return nil, nil
		}
		path = path[len(prefix):]
	}
	for _, fn := range a.functions {
		if fn.trigger.Type != "httpTrigger" || len(fn.trigger.Methods) > 0 && !slices.Contains(fn.trigger.Methods, r.Method) {
			continue
		}
		if params, ok := fn.template.match(path); ok {
			return fn, params
		}
	}
	return nil, nil
}

// segments divides a path, of which a slash at the end is no part.
func segments(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// decoded is a path as ASP.NET has it: everything decoded but %2F.
func decoded(u *url.URL) string {
	text := regexp.MustCompile(`(?i)%2f`).ReplaceAllStringFunc(u.EscapedPath(), func(slash string) string { return "%25" + slash[1:] })
	path, err := url.PathUnescape(text)
	if err != nil {
		return u.Path
	}
	return path
}
