package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// ErrorHeader carries the public name of the error (Graph.Throttled) beside
// the envelope, whose code may be Graph's own.
const ErrorHeader = "Rollcall-Error"

// statusError is a request that HTTP itself has a status for.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// Name returns the public name of the error.
func (e *statusError) Name() string { return "Request.Invalid" }

// writeFailure answers with an error in Graph's envelope. Graph's own 400 and
// 404 keep Graph's code and message: the caller asked and may know. Not so for
// a direct invocation, which has no host: Lambda hands an invocation's error on
// to logs and traces, and Graph's message may name people.
func writeFailure(w http.ResponseWriter, r *http.Request, err error) {
	f := failure.Of(err)
	code, requestID := f.Name, ""
	var own *statusError
	if errors.As(err, &own) {
		f.Status = own.status
	}
	var answer *graph.Error
	if errors.As(err, &answer) {
		requestID = answer.RequestID
		if (answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound) && answer.Code != "" {
			code = answer.Code
			if r.Host != "" {
				f.Message = answer.Message
			}
		}
	}
	if r.Host == "" {
		f.Message = withoutQuotations(f.Message)
	}
	writeEnvelope(w, f, code, requestID)
}

// withoutQuotations takes out what a message quotes of the caller's words.
func withoutQuotations(message string) string {
	var b strings.Builder
	for i, part := range strings.Split(message, `"`) {
		if i%2 == 0 {
			b.WriteString(part)
		} else {
			b.WriteString("…")
		}
	}
	return b.String()
}

func writeEnvelope(w http.ResponseWriter, f failure.Failure, code, requestID string) {
	type inner struct {
		Date      string `json:"date"`
		RequestID string `json:"request-id,omitempty"`
	}
	type envelope struct {
		Code       string `json:"code"`
		Message    string `json:"message"`
		InnerError inner  `json:"innerError"`
	}
	body, err := json.Marshal(map[string]envelope{"error": {
		Code:       code,
		Message:    f.Message,
		InnerError: inner{Date: time.Now().UTC().Format("2006-01-02T15:04:05"), RequestID: requestID},
	}})
	if err != nil {
		http.Error(w, http.StatusText(f.Status), f.Status)
		return
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	for _, name := range []string{"Content-Length", "Content-Disposition", "X-Total-Count"} {
		w.Header().Del(name) // of an answer that was being prepared
	}
	w.Header().Set(ErrorHeader, f.Name)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write(body)
}

// Broken answers every request with err: a function whose configuration does
// not hold tells its callers so.
func Broken(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { writeFailure(w, r, err) })
}
