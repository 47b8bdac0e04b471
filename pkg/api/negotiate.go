package api

import (
	"net/http"
	"slices"
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
	workbook              // the same for spreadsheets
	document              // for people, by whoever serves the API
)

const workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// offer is a format with its names: that of $format, its media type, and others.
type offer struct {
	format mediaType
	names  []string
}

// offers are the formats of this API. A caller who takes several gets the first.
func (a *API) offers() []offer {
	all := []offer{
		{pageJSON, []string{"json", "application/json"}},
		{ndjson, []string{"ndjson", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}},
		{csv, []string{"csv", "text/csv"}},
	}
	if a.workbook != nil {
		all = append(all, offer{workbook, []string{"xlsx", workbookType}})
	}
	return all
}

// parseFormat reads $format.
func (a *API) parseFormat(value string) (mediaType, error) {
	var names []string
	for _, o := range a.offers() {
		if o.names[0] == strings.ToLower(value) || o.match(value) > none {
			return o.format, nil
		}
		names = append(names, o.names[0])
	}
	return unspecified, failure.InvalidRequest("$format has to be " + either(names))
}

// either joins names: a, b or c.
func either(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// accepted returns the format that the Accept headers prefer (RFC 9110, section
// 12.5.1): json where they are absent or accept anything, and of what they prefer
// equally the one that comes first.
func accepted(headers []string, offers []offer) (mediaType, error) {
	ranges := strings.FieldsFunc(strings.Join(headers, ","), func(r rune) bool { return r == ',' })
	ranges = slices.DeleteFunc(ranges, func(item string) bool { return strings.TrimSpace(item) == "" })
	if len(ranges) == 0 {
		return pageJSON, nil
	}
	var types []string
	best, bestQuality, first := unspecified, 0.0, 0
	for _, o := range offers {
		quality, at := o.quality(ranges)
		if quality > bestQuality || quality == bestQuality && quality > 0 && at < first {
			best, bestQuality, first = o.format, quality, at
		}
		types = append(types, o.names[1])
	}
	if best == unspecified {
		return unspecified, &statusError{http.StatusNotAcceptable, "the Accept header allows none of " + either(types)}
	}
	return best, nil
}

// PrefersHTML reports whether the Accept headers of a request prefer a page for people to
// every format that the API has, as those of browsers do. The API itself has none: whoever
// serves it may (see package page).
func (a *API) PrefersHTML(h http.Header) bool {
	format, err := accepted(h.Values("Accept"), append(a.offers(), offer{document, []string{"html", "text/html"}}))
	return err == nil && format == document
}

// quality returns what the most specific range says of the format, and which one that
// is.
func (o offer) quality(ranges []string) (quality float64, at int) {
	specific := none
	for i, item := range ranges {
		name, q, ok := weighted(item)
		if m := o.match(name); ok && m > specific {
			specific, quality, at = m, q, i
		}
	}
	return quality, at
}

// How specific a range is that includes a format.
const (
	none = iota
	everything
	sameKind
	exact
)

// match returns how a range, such as text/*, includes the format.
func (o offer) match(name string) int {
	name = strings.ToLower(name)
	kind, _, _ := strings.Cut(o.names[1], "/")
	switch {
	case slices.Contains(o.names[1:], name):
		return exact
	case name == kind+"/*":
		return sameKind
	case name == "*/*":
		return everything
	}
	return none
}
