package lambda

import (
	"net/http"
	"strings"
)

// oneValue makes a header of a trigger that sends one value a name.
func oneValue(values map[string]string) http.Header {
	h := make(http.Header, len(values))
	for name, value := range values {
		h.Set(name, value)
	}
	return h
}

// allValues makes a header of a trigger that sends every value, or of one value a
// name where it does not.
func allValues(multi map[string][]string, one map[string]string) http.Header {
	if len(multi) == 0 {
		return oneValue(one)
	}
	h := make(http.Header, len(multi))
	for name, values := range multi {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	return h
}

// single returns headers with one value a name, as triggers of payload 2.0 and of
// single values take them. Cookies cannot be joined; they are left out.
func single(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		if name != "Set-Cookie" {
			out[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	return out
}

// multiple returns headers with all their values.
func multiple(h http.Header) map[string][]string {
	out := make(map[string][]string, len(h))
	for name, values := range h {
		out[strings.ToLower(name)] = values
	}
	return out
}
