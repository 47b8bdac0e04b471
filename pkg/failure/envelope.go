package failure

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Envelope is the body of an error as Graph writes it, and so of every error that
// is answered here.
type Envelope struct {
	Error struct {
		Code       string `json:"code"`
		Message    string `json:"message"`
		InnerError struct {
			Date            string `json:"date,omitempty"` // UTC, without a zone
			RequestID       string `json:"request-id,omitempty"`
			ClientRequestID string `json:"client-request-id,omitempty"`
			// GraphRequestID is that of Graph's own answer, where that is the failure.
			GraphRequestID string `json:"graph-request-id,omitempty"`
		} `json:"innerError"`
	} `json:"error"`
}

// Write answers a request with the failure, whose envelope repeats the ids of the
// headers (see package correlation). Headers that describe a body that was being
// prepared are removed.
func (f Failure) Write(w http.ResponseWriter) {
	var e Envelope
	e.Error.Code, e.Error.Message = cmp.Or(f.Code, f.Name), f.Message
	h, inner := w.Header(), &e.Error.InnerError
	inner.Date = time.Now().UTC().Format("2006-01-02T15:04:05")
	inner.RequestID, inner.ClientRequestID = f.RequestID, h.Get(header.ClientRequestID)
	if own := h.Get(header.RequestID); own != "" {
		inner.RequestID, inner.GraphRequestID = own, f.RequestID
	}
	body, _ := json.Marshal(e) // strings always have a JSON form
	for _, name := range []string{"Content-Length", "Content-Disposition", header.TotalCount, header.Verified} {
		h.Del(name)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	h.Set(header.Error, f.Name)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write(body)
}

// Unquoted returns the failure without what its message quotes of the caller's
// words, for callers whose errors end in logs and traces.
func (f Failure) Unquoted() Failure {
	parts := strings.Split(f.Message, `"`)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "…"
	}
	f.Message = strings.Join(parts, "")
	return f
}

// Handler answers every request with err, the reason why a function cannot start.
// A request without a host is a direct invocation: Lambda writes its error to logs
// and traces.
func Handler(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := Of(err)
		correlation.Begin(w, r)
		if r.Host == "" {
			f = f.Unquoted()
		}
		telemetry.End(r.Context(), f.Name)
		f.Write(w)
	})
}
