// Package header names the HTTP headers on which the API, the triggers that
// serve it and the local server agree.
package header

// Headers of a request in which the server of the API passes on what it knows of
// the caller. What a caller sends under these names is dropped.
const (
	// Prefix is the part of the caller's path that was taken off, such as an
	// API's stage.
	Prefix = "X-Forwarded-Prefix"
	// Proto is http where the caller came without TLS, as on loopback.
	Proto = "X-Forwarded-Proto"
	// User is the verified caller's name, for the log.
	User = "X-Forwarded-User"
)

// Headers of request and response by which Graph's clients find a request again (see
// package correlation).
const (
	// RequestID is the server's id of the request, a GUID.
	RequestID = "Request-Id"
	// ClientRequestID is the caller's.
	ClientRequestID = "Client-Request-Id"
)

// Headers of a response.
const (
	// Error is the public name of an error (Graph.Throttled), beside the envelope,
	// whose code may be Graph's own.
	Error = "Rollcall-Error"
	// Verified is true or false: whether a whole list was verified to be complete. A
	// stream says it in its closing record.
	Verified = "Rollcall-Verified"
	// TotalCount is the number of users in a CSV.
	TotalCount = "X-Total-Count"
)
