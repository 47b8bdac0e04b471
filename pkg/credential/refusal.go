package credential

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal is what may be kept of an error answer of the token service: codes and
// ids. error_description is never read; it repeats parts of the request.
type refusal struct {
	Error         string `json:"error"`
	Codes         []int  `json:"error_codes"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

// parseRefusal reads an error body; anything else (a gateway's HTML) gives zero.
func parseRefusal(body []byte) refusal {
	var r refusal
	if json.Unmarshal(body, &r) != nil {
		return refusal{}
	}
	r.TraceID, r.CorrelationID = plainID(r.TraceID), plainID(r.CorrelationID)
	return r
}

// code returns the code to act on: the first that is known, else the first.
func (r refusal) code() int {
	for _, code := range r.Codes {
		if _, known := adviceFor(code); known {
			return code
		}
	}
	if len(r.Codes) > 0 {
		return r.Codes[0]
	}
	return 0
}

// retryAfter reads the pause that an answer asks for: seconds, also with decimals,
// or an HTTP date (RFC 9110, 10.2.3), or the milliseconds of Azure's own headers. 0
// means that it names none. More than an hour is read as an hour, as MSAL does.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"retry-after-ms", "x-ms-retry-after-ms"} {
		if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64); err == nil {
			return seconds(ms / 1000)
		}
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return seconds(s)
	}
	if at, err := http.ParseTime(text); err == nil {
		return seconds(at.Sub(now).Seconds())
	}
	return 0
}

func seconds(s float64) time.Duration {
	if !(s > 0) { // also NaN
		return 0
	}
	return time.Duration(min(s, time.Hour.Seconds()) * float64(time.Second))
}
