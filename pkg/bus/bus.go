// Package bus says what a message is and how messages reach a bus: in batches
// that the service takes, each message until it is acknowledged. The buses
// themselves are packages below this one (eventbridge, sns, sqs, kinesis,
// firehose, https), each with a New that returns its own type, which is a
// [Driver]; [Publisher] does for all of them what is the same.
//
// The package knows no cloud and no users: whoever publishes builds the events.
package bus

import (
	"context"
	"time"
)

// Driver is one bus: what its service takes, and one request to it. Its methods
// are called from several goroutines at once, except where Limits.Ordered is set.
type Driver interface {
	// String names the bus in errors and logs, such as "SQS queue rollcall". It
	// holds nothing secret: of a URL the host alone.
	String() string
	// Limits are the service's.
	Limits() Limits
	// Append appends the message's text, as the service is to get it, to dst,
	// and says how many bytes the service counts for the whole entry. An error
	// says in a few words what about the event the service does not take.
	Append(dst []byte, e Event) (text []byte, size int, err error)
	// Send makes one request, without retries of its own. It returns the entries
	// that were not acknowledged; nil means that all were. The error is a
	// [*Refusal] where the request failed as a whole. A Send keeps no Body.
	Send(ctx context.Context, batch []Entry) ([]Failure, error)
}

// Limits is what a service takes in one request.
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
}

// Failure is one entry that the service did not take.
type Failure struct {
	// Index is the entry's place in the batch given to Send.
	Index int
	// Code is the service's reason, such as InvalidMessageContents.
	Code string
	// Retry says that another try may succeed.
	Retry bool
	// Remedy says what to do about it, "" when unknown.
	Remedy string
}
