package api

import (
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// mediaType is one of the formats in which users are returned.
type mediaType int

const (
	unspecified mediaType = iota
	pageJSON              // a page
	ndjson                // all users, one a line, with a closing record
	csv                   // all users, once the list is complete
)

// parseFormat reads $format.
func parseFormat(value string) (mediaType, error) {
	if t, ok := typeOf(value); ok && t != unspecified {
		return t, nil
	}
	switch strings.ToLower(value) {
	case "json":
		return pageJSON, nil
	case "ndjson":
		return ndjson, nil
	case "csv":
		return csv, nil
	}
	return unspecified, failure.InvalidRequest("$format has to be json, ndjson or csv")
}

// accepted returns the format that the Accept headers prefer (RFC 9110, section
// 12.5.1): json where they are absent or accept anything.
func accepted(headers []string) (mediaType, error) {
	best, bestQuality := unspecified, 0.0
	given := false
	for _, header := range headers {
		for item := range strings.SplitSeq(header, ",") {
			if strings.TrimSpace(item) == "" {
				continue
			}
			given = true
			name, quality, _ := weighted(item)
			if t, ok := typeOf(name); ok && quality > bestQuality {
				best, bestQuality = t, quality
			}
		}
	}
	if given && best == unspecified {
		return unspecified, &statusError{http.StatusNotAcceptable, "the Accept header allows none of application/json, application/x-ndjson and text/csv"}
	}
	return max(best, pageJSON), nil
}

func typeOf(name string) (mediaType, bool) {
	switch strings.ToLower(name) {
	case "application/json", "application/*", "*/*":
		return pageJSON, true
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return ndjson, true
	case "text/csv", "text/*":
		return csv, true
	}
	return unspecified, false
}
