// Package grapherror is a refusal in Graph's words. It imports package wire only.
package grapherror

import (
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// Error is a refusal with its status, and the headers that only it has.
type Error struct {
	Status        int
	Code, Message string
	Header        http.Header
}

// New makes a refusal.
func New(status int, code, message string) *Error {
	return &Error{Status: status, Code: code, Message: message, Header: http.Header{}}
}

// BadRequest refuses what cannot be understood.
func BadRequest(message string) *Error {
	return New(http.StatusBadRequest, "Request_BadRequest", message)
}

// Unsupported refuses what is understood but not served.
func Unsupported(message string) *Error {
	return New(http.StatusBadRequest, "Request_UnsupportedQuery", message)
}

// Denied refuses what the token's roles do not permit.
func Denied() *Error {
	return New(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// With adds a header.
func (e *Error) With(name, value string) *Error {
	e.Header.Add(name, value)
	return e
}

// Envelope is the error's body. Its date has no zone.
func (e *Error) Envelope(requestID, clientRequestID string) []byte {
	stamp, message := time.Now().UTC().Format("2006-01-02T15:04:05"), wire.Quote(e.Message)
	body := `{"error":{"code":` + wire.Quote(e.Code)
	if e.Status == http.StatusTooManyRequests {
		// Throttling has a shape of its own: strings for code and status.
		return []byte(body + `,"innerError":{"code":"429","date":"` + stamp + `","message":` + message +
			`,"request-id":"` + requestID + `","status":"429"},"message":` + message + `}}`)
	}
	return []byte(body + `,"message":` + message + `,"innerError":{"date":"` + stamp + `","request-id":"` + requestID +
		`","client-request-id":` + wire.Quote(clientRequestID) + `}}}`)
}
