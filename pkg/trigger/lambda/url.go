package lambda

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

const badPath = "the path is not properly escaped"

// encodedPath makes a URL of a path as the caller sent it, escapes included,
// which REST APIs, Function URLs and load balancers forward. It stays as it is:
// only what a URL cannot contain is escaped.
func encodedPath(path string) (*url.URL, bool) {
	if !strings.HasPrefix(path, "/") {
		return nil, false
	}
	const allowed = "%/-_.~!$&'()*+,;=:@[]"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(allowed, c) >= 0:
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	decoded, err := url.PathUnescape(b.String())
	if err != nil {
		return nil, false
	}
	return &url.URL{Path: decoded, RawPath: b.String()}, true
}

// decodedPath makes a URL of a path that the trigger has unescaped, as HTTP APIs
// do in both payload versions. The original is lost: an escaped slash is now a
// slash like any other, and everything else is escaped anew.
func decodedPath(path string) (*url.URL, bool) {
	if !strings.HasPrefix(path, "/") {
		return nil, false
	}
	return &url.URL{Path: path}, true
}

// mount splits the path that a gateway reports into the prefix before the route,
// which is a stage or a domain's base path, and the rest. The route is a template
// such as /users/{id} or /{proxy+}, filled with parameters; these may be escaped in
// another way than the path, or not at all.
func mount(path, route string, parameters map[string]string, stage string) (before, rest string) {
	own := strings.TrimSuffix(fill(route, parameters), "/")
	if at := lastSame(strings.TrimSuffix(path, "/"), own); own != "" && at >= 0 {
		return path[:at], path[at:]
	}
	if after, ok := strings.CutPrefix(path, "/"+stage+"/"); ok && stage != "" {
		return "/" + stage, "/" + after
	}
	return "", path
}

// lastSame returns where in a path its end is the same text as end, escaped or not, or
// -1 where it is not.
func lastSame(path, end string) int {
	ends := []string{end}
	if plain, err := url.PathUnescape(end); err == nil {
		ends = append(ends, plain)
	}
	for _, end := range ends {
		if strings.HasSuffix(path, end) {
			return len(path) - len(end)
		}
	}
	plain, err := url.PathUnescape(path)
	for _, end := range ends {
		if err != nil || !strings.HasSuffix(plain, end) {
			continue
		}
		at := 0
		for range len(plain) - len(end) { // as many characters, of which some are escaped
			if path[at] == '%' {
				at += len("%zz")
			} else {
				at++
			}
		}
		if at < len(path) && path[at] == '/' {
			return at
		}
	}
	return -1
}

// fill puts the parameters into a route's template. It returns "" for a route that
// is not a template, such as $default.
func fill(route string, parameters map[string]string) string {
	if !strings.HasPrefix(route, "/") {
		return ""
	}
	var b strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(route, "/"), "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			value, known := parameters[strings.TrimSuffix(strings.TrimSuffix(name, "}"), "+")]
			if !known {
				return ""
			}
			part = value
		}
		b.WriteString("/" + part)
	}
	return b.String()
}

// apiDomain reports whether the caller came by the API's own address, where the
// stage is part of the path, and not by a domain mapped to the stage.
func apiDomain(domain string) bool { return strings.Contains(domain, ".execute-api.") }

// encodeQuery makes a query string of options that the trigger has decoded.
func encodeQuery(multi map[string][]string, one map[string]string) string {
	if len(multi) > 0 {
		return url.Values(multi).Encode()
	}
	values := make(url.Values, len(one))
	for name, value := range one {
		values.Set(name, value)
	}
	return values.Encode()
}

// escapedQuery makes a query string of options that are still escaped.
func escapedQuery(multi map[string][]string, one map[string]string) string {
	if len(multi) == 0 {
		multi = make(map[string][]string, len(one))
		for name, value := range one {
			multi[name] = []string{value}
		}
	}
	var options []string
	for _, name := range slices.Sorted(maps.Keys(multi)) {
		for _, value := range multi[name] {
			options = append(options, name+"="+value)
		}
	}
	return strings.Join(options, "&")
}
