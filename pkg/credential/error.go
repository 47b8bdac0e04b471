package credential

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// Kind classifies an [Error]. It is logged as it is.
type Kind string

// The kinds.
const (
	// Missing: there is no identity to sign in with.
	Missing Kind = "missing"
	// Contradicted: the configuration names another identity than there is.
	Contradicted Kind = "contradicted"
	// Malformed: azidentity does not accept the identity.
	Malformed Kind = "malformed"
	// Rejected: Entra ID refused the identity.
	Rejected Kind = "rejected"
	// Throttled: Entra ID asks for a pause that does not fit; see Error.RetryAfter.
	Throttled Kind = "throttled"
	// Unavailable: Entra ID could not be reached or broke; trying later may help.
	Unavailable Kind = "unavailable"
)

// Error says why there is no token for an identity that was read; a [secret.Error]
// says why it was not. It carries no value of the secret and nothing of Entra's own
// message, which may repeat what it was sent.
type Error struct {
	// Kind classifies the error.
	Kind Kind
	// Problem says what happened, Advice what to do next.
	Problem, Advice string
	// Source is where the identity is kept, as it is configured.
	Source string
	// Tenant is the tenant that was asked for, "" when none is known or when it
	// does not look like one.
	Tenant string
	// Code is the number of Entra's AADSTS code, 0 for none.
	Code int
	// Status is the HTTP status of a refusal, 0 for none.
	Status int
	// TraceID and CorrelationID identify the request to Microsoft's support.
	TraceID, CorrelationID string
	// RetryAfter is the pause that Entra ID asks for, 0 when it names none.
	RetryAfter time.Duration
	// Err is the cause where one can be told apart (a context's end, a broken
	// connection). Its text is not part of Error.
	Err error

	retryable bool // the same request may succeed after a pause
	rotated   bool // another secret may be there by now
}

// Name returns the name under which people and machines act on the error:
// Config.Invalid, Credentials.Missing, Credentials.Rejected, Graph.Throttled or
// Graph.Unavailable.
func (e *Error) Name() string {
	switch e.Kind {
	case Contradicted:
		return "Config.Invalid"
	case Missing, Malformed:
		return "Credentials.Missing"
	case Throttled:
		return "Graph.Throttled"
	case Unavailable:
		return "Graph.Unavailable"
	default:
		return "Credentials.Rejected"
	}
}

// Wait returns RetryAfter.
func (e *Error) Wait() time.Duration { return e.RetryAfter }

// Error says what happened, to whom, and what to do next.
func (e *Error) Error() string {
	var details diagnosis.Details
	if e.Code != 0 {
		details.Add("AADSTS", strconv.Itoa(e.Code))
	}
	if e.Code == 0 && e.Status != 0 {
		details.Add("HTTP ", strconv.Itoa(e.Status))
	}
	details.Add("source ", e.Source)
	details.Add("tenant ", e.Tenant)
	details.Add("correlation id ", e.CorrelationID)
	details.Add("trace id ", e.TraceID)
	if e.RetryAfter > 0 {
		details.Add("retry after ", e.RetryAfter.String())
	}
	return details.Sentence(e.Problem, e.Advice)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// LogValue logs the error as a group: its kind, problem, advice and ids.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("name", e.Name()),
		slog.String("kind", string(e.Kind)),
		slog.String("problem", e.Problem),
		slog.String("advice", e.Advice),
	}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	if e.Code != 0 {
		add("code", "AADSTS"+strconv.Itoa(e.Code))
	}
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	add("source", e.Source)
	add("tenant", e.Tenant)
	add("correlationId", e.CorrelationID)
	add("traceId", e.TraceID)
	if e.RetryAfter > 0 {
		attrs = append(attrs, slog.Float64("retryAfterSeconds", e.RetryAfter.Seconds()))
	}
	return slog.GroupValue(attrs...)
}
