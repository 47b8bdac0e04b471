package retry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// farFuture bounds what a header may ask for, so that it still is a Duration.
const farFuture = 365 * 24 * time.Hour

// After returns how long an answer asks its client to wait: Retry-After in whole
// or decimal seconds or as an HTTP-date (RFC 9110, section 10.2.3), or the
// milliseconds of Azure's own retry-after-ms and x-ms-retry-after-ms, which are
// more exact and therefore come first. 0 means that it asks for nothing, for a
// time that has passed, or in a form that nobody defined.
func After(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"retry-after-ms", "x-ms-retry-after-ms"} {
		if ms, ok := number(h.Get(name)); ok {
			return seconds(ms / 1000)
		}
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if s, ok := number(text); ok {
		return seconds(s)
	}
	if at, err := http.ParseTime(text); err == nil {
		return seconds(at.Sub(now).Seconds())
	}
	return 0
}

func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return n, err == nil
}

func seconds(s float64) time.Duration {
	if !(s > 0) { // also NaN
		return 0
	}
	return time.Duration(min(s, farFuture.Seconds()) * float64(time.Second))
}
