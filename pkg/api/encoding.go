package api

import (
	"net/http"
	"strconv"
	"strings"
)

// encoding is how the body of an answer is encoded.
type encoding int

const (
	identity    encoding = iota
	gzipped              // by gzip
	unavailable          // the caller takes neither
)

// encodingFor returns the encoding that the Accept-Encoding headers ask for (RFC
// 9110, section 12.5.3). It is identity where they are absent, cannot be
// understood, or like identity better. A trigger that cannot pass on compressed
// bodies removes the headers.
func encodingFor(h http.Header) encoding {
	weights := map[string]float64{}
	for _, line := range h.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(line, ",") {
			name, weight, ok := weighted(item)
			if name = strings.ToLower(name); name == "x-gzip" {
				name = "gzip"
			}
			if before, given := weights[name]; ok && (!given || weight < before) {
				weights[name] = weight // of two the lower one: what is refused is not sent
			}
		}
	}
	others, wildcard := weights["*"]
	zip, given := weights["gzip"]
	if !given {
		zip = others
	}
	plain, given := weights["identity"]
	switch {
	case zip > 0 && (!given || zip >= plain):
		return gzipped
	case given && plain == 0, !given && wildcard && others == 0:
		return unavailable
	}
	return identity
}

// errNoEncoding is the answer to callers who take no encoding that there is.
func errNoEncoding() error {
	return &statusError{http.StatusNotAcceptable, "the Accept-Encoding header refuses both gzip and identity, and there is no other encoding"}
}

// weighted reads one element of a header such as Accept-Encoding: a name and its
// quality, 1 if it has none. It is not ok if the quality is not a number from 0
// to 1.
func weighted(item string) (name string, quality float64, ok bool) {
	quality = 1
	name, params, _ := strings.Cut(item, ";")
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(key, "q") {
			continue // another parameter, such as odata.metadata
		}
		var err error
		quality, err = strconv.ParseFloat(value, 64)
		if err != nil || strings.Trim(value, "0123456789.") != "" || quality > 1 {
			return "", 0, false
		}
	}
	return strings.TrimSpace(name), quality, true
}
