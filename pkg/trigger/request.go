package trigger

import (
	"net/http"
	"net/url"
)

// newRequest makes the request of what a trigger says. Bodies are not passed on:
// the API only reads.
func newRequest(method, host string, u *url.URL, header http.Header) *http.Request {
	return &http.Request{
		Method: method, Host: host, URL: u, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// oneValue makes a header of a trigger that sends one value a name.
func oneValue(values map[string]string) http.Header {
	h := make(http.Header, len(values))
	for name, value := range values {
		h.Set(name, value)
	}
	return h
}

// allValues makes a header of a trigger that sends every value, or of single
// where it does not.
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
