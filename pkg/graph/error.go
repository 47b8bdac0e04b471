package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// Error is an error response of Graph or, with Status 0, the lack of a usable
// response (Err says why).
type Error struct {
	// Status is the HTTP status, 0 when there was no usable response.
	Status int
	// Code is Graph's error.code, which alone is contractual. It may be empty.
	Code string
	// Message is Graph's error.message. It may name people, so it is not part
	// of Error(): show it only to the caller who sent the query.
	Message string
	// RequestID is Graph's request-id, for Microsoft's support.
	RequestID string
	// RetryAfter is how long Graph asked to wait, 0 when it did not say.
	RetryAfter time.Duration
	// Tries is how often the request was made.
	Tries int
	// Continuation is true when the request followed a nextLink. Graph's 400,
	// 404 and 410 then mean that the page token is no longer valid.
	Continuation bool
	// Err is the cause when Status is 0, or what else is wrong with the answer.
	Err error

	claims string // the decoded CAE challenge of a 401
	inner  string // the code of innerError, which may be more exact
	grant  string // how the app gets the permission that a 403 is for want of, "" for the usual way
	length int    // of the request's URL, in characters

	unanswered bool // not even a status came
}

// Error names the status, the code, the request-id and what to do next.
func (e *Error) Error() string {
	text := e.summary()
	if advice := e.advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

func (e *Error) summary() string {
	text := "no usable answer from Graph"
	if e.Status != 0 {
		text = fmt.Sprintf("Graph answered %d", e.Status)
		if e.Code != "" {
			text += " " + e.Code
		}
	}
	if e.RequestID != "" {
		text += " (request-id " + e.RequestID + ")"
	}
	if e.Tries > 1 {
		text += fmt.Sprintf(" after %d tries", e.Tries)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.Err }

// Name returns the public name of the error: Credentials.Rejected,
// Graph.AccessDenied, Graph.NotFound, Graph.Throttled, Graph.BadRequest or
// Graph.Unavailable.
func (e *Error) Name() string {
	if e.tooLong() {
		return "Graph.BadRequest"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "Credentials.Rejected"
	case http.StatusForbidden:
		return "Graph.AccessDenied"
	case http.StatusNotFound:
		return "Graph.NotFound"
	case http.StatusTooManyRequests:
		return "Graph.Throttled"
	case http.StatusBadRequest, http.StatusGone, http.StatusNotImplemented, http.StatusRequestURITooLong:
		return "Graph.BadRequest"
	}
	return "Graph.Unavailable"
}

// Wait returns how long Graph asked to wait.
func (e *Error) Wait() time.Duration { return e.RetryAfter }

// LogValue is what a log may show of the error: everything but the message.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int("status", e.Status),
		slog.String("code", e.Code),
		slog.String("graphRequestId", e.RequestID),
	}
	if e.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retryAfter", e.RetryAfter))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("cause", e.Err.Error()))
	}
	if advice := e.advice(); advice != "" { // a job of a queue tells nobody but the log
		attrs = append(attrs, slog.String("advice", advice))
	}
	return slog.GroupValue(attrs...)
}

// PageToken reports whether Graph no longer accepts the link to a page:
// Directory_ExpiredPageToken, DirectoryPageTokenNotFoundException and the like
// (their statuses and codes vary, but the same query was fine on page one).
// The list has to be read again from its start.
func (e *Error) PageToken() bool {
	if !e.Continuation {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// DeltaExpired reports whether a delta link leads nowhere any more: the token is too old,
// or the service has reset it. What has changed can then only be found by reading
// everybody. Graph says so with 410 whatever the code, or with 400 or 404 and one of
// several codes; a $select that it refuses is another 400.
func (e *Error) DeltaExpired() bool {
	if !e.Continuation {
		return false
	}
	switch e.Status {
	case http.StatusGone:
		return true
	case http.StatusBadRequest, http.StatusNotFound:
		return resyncCode(e.Code) || resyncCode(e.inner)
	}
	return false
}

// resyncCode reports whether an error's code is about a token that is no longer known:
// syncStateNotFound (directory objects), resyncRequired (from OneDrive), and those of page
// tokens. Their case varies.
func resyncCode(code string) bool {
	code = asciiLower(code)
	return strings.HasPrefix(code, "syncstate") || strings.HasPrefix(code, "resync") || strings.Contains(code, "pagetoken")
}

// RefusesDelta reports whether Graph itself (a gateway gives no code) says that there
// are no delta queries here, as it does in tenants of Azure AD B2C and External ID.
// Which status it gives is not documented.
func (e *Error) RefusesDelta() bool {
	if e.Code == "" {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// RefusesCount reports whether Graph itself says that users are not counted here, as
// it does with status 400 in tenants without advanced queries (Azure AD B2C).
func (e *Error) RefusesCount() bool { return e.Status == http.StatusBadRequest && e.Code != "" }

// why says what happened, in few words, to somebody who watches.
func (e *Error) why() string {
	short := *e
	short.Tries = 0
	return short.summary()
}

// patience is what somebody who watches can do about an error that is retried.
func (e *Error) patience() string {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return "nothing to do: Graph limits how much is read at a time"
	case e.Status != 0:
		return "nothing to do, unless it lasts: then see the service health of Microsoft 365"
	case diagnosis.OfConnection(e.Err) != diagnosis.None:
		return "check the network, any proxy (HTTPS_PROXY) and ROLLCALL_GRAPH_URL"
	}
	return "nothing to do: the request is repeated"
}

// maxURL is the length of URL that Graph takes for sure.
const maxURL = 2048

// tooLong reports whether the URL is too long, as Graph says itself, or a server before
// it that has no other word for it.
func (e *Error) tooLong() bool {
	return e.Status == http.StatusRequestURITooLong || e.length > maxURL && e.Code == "" && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound)
}

// permission is what a refusal is for want of, as far as its code tells: the one for
// sign-ins has a code of its own.
func (e *Error) permission() string {
	if e.Code == "Authentication_MSGraphPermissionMissing" {
		return "AuditLog.Read.All"
	}
	return "User.Read.All"
}

func (e *Error) advice() string {
	switch {
	case e.tooLong():
		return fmt.Sprintf("the request's URL has %d characters, and Graph takes about %d: shorten the filter, or select fewer properties", e.length, maxURL)
	case e.PageToken():
		return "the page token is no longer valid: read the list again from its start"
	case e.Status == http.StatusUnauthorized:
		return "check that the token is for this cloud (ROLLCALL_CLOUD) and that the application is not disabled"
	case e.Status == http.StatusForbidden && e.Code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant":
		return "a selected property needs a Microsoft Entra ID P1 or P2 licence"
	case e.Status == http.StatusForbidden && e.grant != "":
		return e.grant
	case e.Status == http.StatusForbidden:
		return "grant the application permission User.Read.All (and what selected properties need besides) with admin consent"
	case e.Status == http.StatusTooManyRequests && e.RetryAfter > 0:
		return fmt.Sprintf("try again in %s", e.RetryAfter)
	case e.Status == http.StatusTooManyRequests:
		return "try again in some minutes"
	case e.Status >= 300 && e.Status < 400:
		return "redirects are not followed: check ROLLCALL_GRAPH_URL and any proxy"
	}
	return ""
}

// responseError turns a response that is not a success into an Error and closes it.
// A body that is not Graph's envelope (such as a gateway's HTML) leaves the code
// empty.
func responseError(resp *http.Response, now time.Time) *Error {
	defer func() { _ = resp.Body.Close() }()
	e := &Error{
		Status:     resp.StatusCode,
		RequestID:  requestID(resp.Header),
		RetryAfter: retry.After(resp.Header, now),
	}
	if resp.StatusCode == http.StatusUnauthorized {
		e.claims = claimsChallenge(resp.Header)
	}
	var envelope struct {
		Error struct {
			Code       string `json:"code"`
			Message    string `json:"message"`
			InnerError struct {
				Code      string `json:"code"`
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	var kind *json.UnmarshalTypeError // of one member; the others are there
	body, err := readBody(resp.Body, "the body", maxError)
	if err == nil {
		err = json.Unmarshal(body, &envelope)
	}
	var size *sizeError
	if errors.As(err, &size) {
		e.Err = size
	}
	if err != nil && !errors.As(err, &kind) {
		return e
	}
	e.Code, e.Message = diagnosis.Token(envelope.Error.Code), envelope.Error.Message
	e.inner = diagnosis.Token(envelope.Error.InnerError.Code)
	if e.RequestID == "" {
		e.RequestID = diagnosis.Token(envelope.Error.InnerError.RequestID)
	}
	return e
}

func requestID(h http.Header) string { return diagnosis.Token(h.Get("request-id")) }
