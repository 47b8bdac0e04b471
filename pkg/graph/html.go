package graph

import (
	"bytes"
	"net/http"
	"strings"
)

// htmlError says that something else answers in Graph's place.
type htmlError struct{ host string }

func (e *htmlError) Error() string {
	return e.host + " answered with an HTML page, which Microsoft Graph does not; check ROLLCALL_GRAPH_URL, ROLLCALL_CLOUD and any proxy (HTTPS_PROXY)"
}

func isHTML(h http.Header) bool {
	return strings.Contains(asciiLower(h.Get("Content-Type")), "html")
}

// beginsAsHTML is for pages that do not say in their header that they are HTML.
func beginsAsHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n"), []byte("<"))
}
