package bus

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Refusal is a request that failed as a whole, or got no usable answer.
type Refusal struct {
	// Code is the service's reason, such as AccessDeniedException, or the HTTP
	// status of a webhook.
	Code string
	// RequestID is the service's, for its support. "" when it gave none.
	RequestID string
	// Problem says what happened, Remedy what to do; both without secrets and
	// without the service's own text.
	Problem, Remedy string
	// Retry says that another attempt may succeed.
	Retry bool
	// Divide says that one entry may be to blame for the refusal of all. The request is
	// then made again for parts of the batch, down to single entries.
	Divide bool
	// After is how long the service asks to wait before it, 0 when it does not.
	After time.Duration
	// Err is the cause where it may be shown, else nil.
	Err error
}

// Error returns the problem with its code.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Problem)
	if r.Code != "" {
		fmt.Fprintf(&b, " (%s", r.Code)
		if r.RequestID != "" {
			fmt.Fprintf(&b, ", request %s", r.RequestID)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// Undelivered is one event that a bus did not accept.
type Undelivered struct {
	// Index counts the events given to Publish, from 0.
	Index int
	// ID is the event's.
	ID string
	// Code is the service's reason.
	Code string
}

// MaxListed bounds Error.Events.
const MaxListed = 100

// Error says which events a bus did not accept. Its text names ids and codes, and
// neither subjects nor data.
type Error struct {
	// Bus is the driver's name.
	Bus string
	// Count is how many events failed. Events that were never sent because of
	// that do not count. 0 when the error is not about the events.
	Count int
	// Events are the first MaxListed of them, in no particular order.
	Events []Undelivered
	// Problem and Remedy say what happened and what to do.
	Problem, Remedy string
	// Tries is how often the last of them was tried, 0 when it was not sent.
	Tries int
	// Err is the cause: a [*Refusal], or what a claim check ended with.
	Err error
}

// Name returns "Sink.Failed", the name under which the edge reports it.
func (e *Error) Name() string { return "Sink.Failed" }

// named is how many events the text names.
const named = 3

// Error returns one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Bus)
	b.WriteString(": ")
	b.WriteString(e.Problem)
	if e.Count > 0 {
		fmt.Fprintf(&b, "; not taken: %d", e.Count)
		for i, event := range e.Events {
			if i == named {
				b.WriteString(", ...")
				break
			}
			fmt.Fprintf(&b, ", %s (%s)", event.ID, event.Code)
		}
	}
	if e.Tries > 1 {
		fmt.Fprintf(&b, ", after %d tries", e.Tries)
	}
	if e.Remedy != "" {
		b.WriteString("; ")
		b.WriteString(e.Remedy)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// LogValue logs what Error says, in fields.
func (e *Error) LogValue() slog.Value {
	codes := make([]string, 0, len(e.Events))
	for _, event := range e.Events {
		codes = append(codes, event.ID+" "+event.Code)
	}
	return slog.GroupValue(
		slog.String("name", e.Name()), slog.String("bus", e.Bus), slog.String("problem", e.Problem),
		slog.String("remedy", e.Remedy), slog.Int("failed", e.Count), slog.Any("events", codes), slog.Int("tries", e.Tries))
}

// with returns an error with the events of both.
func (e *Error) with(more *Error) *Error {
	both := *e
	both.Count += more.Count
	both.Events = append(append([]Undelivered(nil), e.Events...), more.Events...)
	both.Events = both.Events[:min(len(both.Events), MaxListed)]
	return &both
}
