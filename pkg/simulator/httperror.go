package simulator

import (
	"net/http"
	"time"
)

// graphError is a refusal in Graph's words.
type graphError struct {
	status  int
	code    string
	message string
	header  http.Header
	inner   string // a more specific code inside innerError
}

func refuse(status int, code, message string) *graphError {
	return &graphError{status: status, code: code, message: message}
}

func badRequest(message string) *graphError {
	return refuse(http.StatusBadRequest, "Request_BadRequest", message)
}

func unsupported(message string) *graphError {
	return refuse(http.StatusBadRequest, "Request_UnsupportedQuery", message)
}

func (e *graphError) with(name, value string) *graphError {
	if e.header == nil {
		e.header = http.Header{}
	}
	e.header.Add(name, value)
	return e
}

// envelope is Graph's error body. innerError.date has no zone.
func (e *graphError) envelope(requestID, clientRequestID string, now time.Time) []byte {
	stamp := now.UTC().Format("2006-01-02T15:04:05")
	b := append([]byte(`{"error":{"code":`), quote(e.code)...)
	if e.status == http.StatusTooManyRequests {
		// Throttling has a shape of its own: strings for code and status.
		b = append(b, `,"innerError":{"code":"429","date":"`+stamp+`","message":`...)
		b = append(b, quote(e.message)...)
		b = append(b, `,"request-id":"`+requestID+`","status":"429"},"message":`...)
		b = append(b, quote(e.message)...)
		return append(b, `}}`...)
	}
	b = append(b, `,"message":`...)
	b = append(b, quote(e.message)...)
	b = append(b, `,"innerError":{`...)
	if e.inner != "" {
		b = append(b, `"code":`...)
		b = append(b, quote(e.inner)...)
		b = append(b, ',')
	}
	b = append(b, `"date":"`+stamp+`","request-id":"`+requestID+`","client-request-id":`...)
	b = append(b, quote(clientRequestID)...)
	return append(b, `}}}`...)
}

func quote(s string) []byte { return appendString(nil, s) }
