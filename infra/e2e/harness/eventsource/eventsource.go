// Package eventsource does what Lambda does between a queue of SQS and a function whose
// event source mapping reports batch item failures: it takes messages, invokes the function
// with them, and deletes those that the answer does not keep.
//
// One thing is different: what stays in the queue is visible again at once, so that tests
// need not wait for the queue's visibility timeout.
//
// Sources: the Lambda developer guide's "Using Lambda with Amazon SQS" and "Handling errors
// for an SQS event source in Lambda".
package eventsource

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

// Mapping leads the messages of a queue to a function.
type Mapping struct {
	// Queue is where the messages are.
	Queue *cloud.Queue
	// Invoke invokes the function, as the Invoke of a lambdahost.Host.
	Invoke func(ctx context.Context, payload []byte) (lambdahost.Result, error)
}

// Batch is what became of the messages of one invocation.
type Batch struct {
	// Deleted and Kept are how many messages left the queue, and how many stayed.
	Deleted, Kept int
	// Result is what the function answered.
	Result lambdahost.Result
}

// Next takes what the queue has to give now, at most ten messages, and invokes the function.
// A batch without messages means that there were none.
func (m Mapping) Next(ctx context.Context) (Batch, error) {
	messages, err := m.Queue.Take(ctx)
	if err != nil || len(messages) == 0 {
		return Batch{}, err
	}
	payload, err := json.Marshal(m.event(messages))
	if err != nil {
		return Batch{}, fmt.Errorf("make the event: %w", err)
	}
	result, err := m.Invoke(ctx, payload)
	if err != nil {
		result.ErrorType, result.ErrorMessage = "Sandbox.Gone", err.Error()
	}
	done, kept := divide(messages, result)
	if err := m.Queue.Delete(ctx, done); err != nil {
		return Batch{}, err
	}
	return Batch{Deleted: len(done), Kept: len(kept), Result: result}, m.Queue.Return(ctx, kept)
}

// event is the event of a batch.
func (m Mapping) event(messages []types.Message) events.SQSEvent {
	var event events.SQSEvent
	for _, message := range messages {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: aws.ToString(message.MessageId), ReceiptHandle: aws.ToString(message.ReceiptHandle), Body: aws.ToString(message.Body),
			Md5OfBody: aws.ToString(message.MD5OfBody), Attributes: message.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSource: "aws:sqs", EventSourceARN: m.Queue.ARN, AWSRegion: cloud.Region,
		})
	}
	return event
}

// divide tells the messages that are done with from those that stay: all of them, if the
// function failed, or answered what Lambda does not understand.
func divide(messages []types.Message, result lambdahost.Result) (done, kept []types.Message) {
	var answer struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if result.ErrorType != "" || json.Unmarshal(result.Payload, &answer) != nil {
		return nil, messages
	}
	failed := map[string]bool{}
	for _, f := range answer.Failures {
		failed[aws.ToString(f.ID)] = true
	}
	for _, message := range messages {
		if id := aws.ToString(message.MessageId); failed[id] {
			kept = append(kept, message)
		} else {
			done = append(done, message)
		}
	}
	if len(kept) != len(failed) { // an id is missing, or nobody's
		return nil, messages
	}
	return done, kept
}
