package api

import (
	"net/http"
	"strconv"
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
			name, quality := mediaRange(item)
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

// mediaRange reads one element of an Accept header. Parameters other than q,
// such as odata.metadata, are ignored.
func mediaRange(item string) (name string, quality float64) {
	quality = 1
	name, params, _ := strings.Cut(item, ";")
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(key, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil {
				q = 0
			}
			quality = q
		}
	}
	return strings.TrimSpace(name), quality
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
