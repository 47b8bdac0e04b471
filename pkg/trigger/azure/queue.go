package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// Queue answers the messages of a storage queue with a job: the text of each is an In. A
// message whose job fails comes again, and goes to the poison queue after the last time.
//
// The host deletes a message once it was answered. What is to be done once more is answered
// with a message that asks for it, which the host writes before it deletes the first: a
// deadline, or another invocation that works on the same, does not count as a failure.
type Queue[In comparable, Out any] struct {
	// Do does the work.
	Do trigger.Job[In, Out]
	// Name, if set, names a job that has no name by the message that asks for it: if the
	// message comes again, it asks for the same job.
	Name func(in In, message string) In
	// Next returns what to ask for next where a job is to go on, and whether it is.
	Next func(In, *Out) (In, bool)
	// Output is the binding of the same queue.
	Output string
	// Delay is how old a message is before its job begins: the output binding of whoever
	// sends it cannot delay it.
	Delay time.Duration
	// Log gets an ERROR record of each failure.
	Log *slog.Logger
	// Meter, if set, publishes the figures of each job.
	Meter *trigger.Meter

	mu    sync.Mutex
	begun map[In]time.Time // when the last job that was done began, by what was asked for
}

const (
	// conflictPause is about how long a message waits for another invocation that works on
	// the same.
	conflictPause = 30 * time.Second
	// settled is by how much a job has to begin later than a message was written, to do
	// what it asks for as well. Clocks may differ by this.
	settled = 15 * time.Second
)

func (q *Queue[In, Out]) invoke(ctx context.Context, h *host, in *invocation) (*reply, error) {
	id := messageID(in)
	if id != "" {
		ctx = telemetry.WithMessageID(ctx, id)
	}
	again, err := q.handle(ctx, in, id)
	if err == nil {
		return again, nil
	}
	if n := in.number("DequeueCount"); h.MaxDequeueCount > 0 && n >= h.MaxDequeueCount {
		q.Log.ErrorContext(ctx, "the message goes to the poison queue", "deliveries", n, "error", failure.Of(err).Name)
	}
	return nil, err
}

// messageID returns the name that the queue gives a message, a GUID, or "".
func messageID(in *invocation) string {
	if id := string(plain(in.Metadata["Id"])); guid.Valid(id) {
		return id
	}
	return ""
}

// handle does what a message asks for, and returns what is to be done after it.
func (q *Queue[In, Out]) handle(ctx context.Context, in *invocation, id string) (*reply, error) {
	asked, err := q.Do.Read(ctx, q.Log, plain(in.data()))
	if err != nil {
		return nil, q.Meter.Refuse(ctx, err)
	}
	if q.Name != nil && id != "" {
		asked = q.Name(asked, id)
	}
	written := written(in)
	q.wait(ctx, written)
	if q.isDone(asked, written) {
		q.Log.InfoContext(ctx, "a job that began later has done what the message asks for")
		return &reply{}, nil
	}
	began := time.Now()
	out, err := trigger.Measured(ctx, q.Meter, func(ctx context.Context) (*Out, error) { return q.Do.Call(ctx, q.Log, asked) })
	if err != nil {
		return q.failed(ctx, asked, err)
	}
	if next, more := q.Next(asked, out); more {
		return q.again(next)
	}
	q.done(asked, began)
	return &reply{}, nil
}

// failed says what becomes of a message whose job failed, which is in the log.
func (q *Queue[In, Out]) failed(ctx context.Context, asked In, err error) (*reply, error) {
	switch failure.Of(err).Name {
	case "State.Conflict":
		_ = retry.Wait(ctx, conflictPause/2+rand.N(conflictPause)) // or until the time is over
		return q.again(asked)
	case "Snapshot.Suspect":
		return &reply{}, nil // somebody has to look at it: asking again finds the same
	}
	return nil, err
}

// wait waits until a message is old enough, but not for more than a quarter of the time that
// there is.
func (q *Queue[In, Out]) wait(ctx context.Context, written time.Time) {
	d := time.Until(written.Add(q.Delay))
	if end, limited := ctx.Deadline(); limited {
		d = min(d, time.Until(end)/4)
	}
	_ = retry.Wait(ctx, d) // a job whose time is over says so itself
}

// again is an answer with a message that asks for something.
func (q *Queue[In, Out]) again(asked In) (*reply, error) {
	text, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("write the next message: %w", err)
	}
	return &reply{Outputs: map[string]any{q.Output: []string{string(text)}}}, nil
}

// written returns when a message was written, the zero time where the host does not say, or
// says something odd.
func written(in *invocation) time.Time {
	at, err := time.Parse(time.RFC3339, string(plain(in.Metadata["InsertionTime"])))
	if err != nil || at.After(time.Now().Add(settled)) {
		return time.Time{}
	}
	return at
}

// isDone reports whether a job for the same has begun so much later than the message was
// written that it has done what this one asks for.
func (q *Queue[In, Out]) isDone(asked In, written time.Time) bool {
	if q.Delay == 0 || written.IsZero() {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	began, found := q.begun[asked]
	return found && began.After(written.Add(settled))
}

func (q *Queue[In, Out]) done(asked In, began time.Time) {
	if q.Delay == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.begun == nil || len(q.begun) > 10_000 {
		q.begun = map[In]time.Time{}
	}
	q.begun[asked] = began
}
