// Package bus says what a message is and how messages reach a bus: in batches
// of the size that the service accepts, each message until it is acknowledged. The buses
// themselves are packages below this one (eventbridge, sns, sqs, kinesis,
// firehose, eventgrid, azqueue, https), each with a New that returns a [Driver];
// [Publisher] does what they have in common.
//
// The package knows no cloud and no users: its callers build the events.
package bus

import (
	"context"
	"time"
)

// Driver is one bus: its service's limits, and one request to it. Its methods
// are called from several goroutines at once, except where Limits.Ordered is set.
type Driver interface {
	// String names the bus in errors and logs, such as "SQS queue rollcall". It
	// tells no secret: of a URL the host alone.
	String() string
	// Limits are the service's.
	Limits() Limits
	// Append appends the message's text, as the service gets it, to dst, and
	// returns how many bytes the service counts for the whole entry. An error says
	// in a few words why the service would refuse the event.
	Append(dst []byte, e Event) (text []byte, size int, err error)
	// Send makes one request, without retries of its own. It returns the entries
	// that were not acknowledged; nil means that all were. The error is a
	// [*Refusal] where the request failed as a whole. Send does not keep a Body.
	Send(ctx context.Context, batch []Entry) ([]Failure, error)
}

// Limits is what a service accepts in one request.
type Limits struct {
	// Entries is the greatest number of entries.
	Entries int
	// Bytes is the greatest sum of the entries' sizes.
	Bytes int
	// EntryBytes is the greatest size of one entry.
	EntryBytes int
	// Ordered buses keep the order of what is sent to them: one request at a
	// time, so that no retry overtakes.
	Ordered bool
}

// Entry is one message of a request.
type Entry struct {
	// Of the event.
	ID, Source, Type, Subject string
	Time                      time.Time
	// Body is the text that Append made. It is valid until Send returns.
	Body []byte

	index int // of the event among all that were published
	size  int
	code  string // why the service did not take it last
	tries int    // requests that it was in
}

// AppendArray appends the texts of a batch as one JSON array.
func AppendArray(dst []byte, batch []Entry) []byte {
	dst = append(dst, '[')
	for i, e := range batch {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, e.Body...)
	}
	return append(dst, ']')
}

// Failure is one entry that the service did not accept.
type Failure struct {
	// Index is the entry's place in the batch given to Send.
	Index int
	// Code is the service's reason, such as InvalidMessageContents.
	Code string
	// Retry says that another attempt may succeed.
	Retry bool
	// Remedy says what to do about it, "" when unknown.
	Remedy string
}
