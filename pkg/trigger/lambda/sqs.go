package lambda

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// Queue answers the messages of an SQS queue with a job: the body of each is an In. What
// asks for the same twice in one batch is done once. It takes what a [Job] takes as well,
// and events of schedules that carry no input of their own, which ask for the zero In.
//
// The event source mapping reports batch item failures (ReportBatchItemFailures): a message
// stays in the queue if its job failed, if it is to be done once more, or if it was not
// tried, since the time ends or since an earlier message of its group stays.
type Queue[In comparable, Out any] struct {
	Job[In, Out]
	// Unfinished reports whether the job is to be done once more.
	Unfinished func(*Out) bool

	broken error
}

// Invoke answers one event. One that is malformed, or of another kind, is a
// Request.Invalid.
func (q *Queue[In, Out]) Invoke(ctx context.Context, event json.RawMessage) (any, error) {
	switch kind := probe(event); kind {
	case queue:
		return q.take(withRequestID(ctx), event)
	case scheduler, schedule:
		return q.Job.Invoke(ctx, json.RawMessage("{}"))
	case invocation:
		return q.Job.Invoke(ctx, event)
	default:
		return nil, named(failure.InvalidRequest("the event is " + string(kind) + ", which this function does not take; " +
			"it takes messages of SQS, schedules and direct invocations; a rule of EventBridge starts it with the constant input {}"))
	}
}

func (q *Queue[In, Out]) fail(err error) {
	q.Job.fail(err)
	q.broken = err
}

// message is a record of an event from SQS.
type message struct {
	ID         string `json:"messageId"`
	Body       string `json:"body"`
	Source     string `json:"eventSource"`
	Attributes struct {
		// Group is set where messages have an order.
		Group string `json:"MessageGroupId"`
	} `json:"attributes"`
}

// receiveMessages reads an event from SQS. A record without an id could not be reported.
func receiveMessages(event []byte) ([]message, error) {
	var batch struct {
		Records []message `json:"Records"`
	}
	if json.Unmarshal(event, &batch) != nil {
		return nil, failure.InvalidRequest("the event is not one of SQS: a member is of the wrong type")
	}
	for _, m := range batch.Records {
		if m.Source != "aws:sqs" || m.ID == "" || len(m.ID) > 100 || strings.ContainsFunc(m.ID, strange) {
			return nil, failure.InvalidRequest("the event is not one of SQS: a record has no messageId, or is from elsewhere")
		}
	}
	return batch.Records, nil
}

// strange reports whether the id of a message would not have this character.
func strange(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// take does what the messages of an event ask for, and says which ones stay in the queue.
func (q *Queue[In, Out]) take(ctx context.Context, event []byte) (any, error) {
	if q.broken != nil {
		return nil, named(q.Meter.Refuse(ctx, q.broken))
	}
	messages, err := receiveMessages(event)
	if err != nil {
		q.Log.ErrorContext(ctx, "the event was refused", "error", err)
		return nil, named(q.Meter.Refuse(ctx, err))
	}
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	b := batch[In]{late: lateness(ctx), blocked: map[string]bool{}, done: map[In]bool{}}
	for _, m := range messages {
		if !q.handle(ctx, &b, m) {
			b.blocked[m.Attributes.Group] = m.Attributes.Group != ""
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
		}
	}
	q.Log.InfoContext(ctx, "the messages were handled", "messages", len(messages), "stay", len(answer.BatchItemFailures), "untried", b.untried)
	return answer, nil
}

// batch is what is known of the messages of an event that were handled already.
type batch[In comparable] struct {
	late    func() bool
	blocked map[string]bool // groups of which a message stays
	done    map[In]bool     // by what was asked for
	untried int
}

// handle does what a message asks for, and reports whether it leaves the queue.
func (q *Queue[In, Out]) handle(ctx context.Context, b *batch[In], m message) bool {
	if b.blocked[m.Attributes.Group] {
		b.untried++
		return false
	}
	ctx = telemetry.WithMessageID(ctx, m.ID)
	in, err := q.Do.Read(ctx, q.Log, []byte(m.Body))
	if err != nil {
		_ = q.Meter.Refuse(ctx, err)
		return false // which is logged
	}
	done, tried := b.done[in]
	switch {
	case tried:
		return done
	case len(b.done) > 0 && b.late():
		b.untried++
		return false
	}
	out, err := trigger.Measured(ctx, q.Meter, func(ctx context.Context) (*Out, error) { return q.Do.Call(ctx, q.Log, in) })
	b.done[in] = err == nil && !q.Unfinished(out)
	return b.done[in]
}

// lateness returns what reports whether too little of the time is left to begin another
// job: less than a quarter of it, or a minute, and in any case less than a second.
func lateness(ctx context.Context) func() bool {
	end, limited := ctx.Deadline()
	reserve := max(time.Second, min(time.Until(end)/4, time.Minute))
	return func() bool { return limited && time.Until(end) < reserve }
}
