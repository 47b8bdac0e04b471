package cloud

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Queue is a queue of SQS.
type Queue struct {
	// URL is its address, ARN its name.
	URL, ARN string

	client *sqs.Client
}

// CreateQueue makes a queue, or takes the one of that name. One whose name ends
// in .fifo keeps the order.
func CreateQueue(ctx context.Context, cfg aws.Config, name string) (*Queue, error) {
	return CreateQueueWith(ctx, cfg, name, nil)
}

// CreateQueueWith is CreateQueue with attributes, such as DelaySeconds.
func CreateQueueWith(ctx context.Context, cfg aws.Config, name string, attributes map[string]string) (*Queue, error) {
	client := sqs.NewFromConfig(cfg)
	in := &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{}}
	maps.Copy(in.Attributes, attributes)
	if strings.HasSuffix(name, ".fifo") {
		in.Attributes["FifoQueue"] = "true"
	}
	made, err := client.CreateQueue(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("create the queue %s: %w", name, err)
	}
	return &Queue{URL: *made.QueueUrl, ARN: "arn:aws:sqs:" + Region + ":" + Account + ":" + name, client: client}, nil
}

// Remove deletes the queue. One of the same name knows nothing of its messages.
func (q *Queue) Remove(ctx context.Context) error {
	if _, err := q.client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &q.URL}); err != nil {
		return fmt.Errorf("delete %s: %w", q.ARN, err)
	}
	return nil
}

// Send puts a message into a queue that keeps the order.
func (q *Queue) Send(ctx context.Context, body, group, deduplication string) error {
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &deduplication})
	if err != nil {
		return fmt.Errorf("send to %s: %w", q.ARN, err)
	}
	return nil
}

// Len is how many messages the queue has, those too that are delayed or being worked on.
func (q *Queue) Len(ctx context.Context) (int, error) {
	got, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return 0, fmt.Errorf("attributes of %s: %w", q.ARN, err)
	}
	sum := 0
	for _, name := range []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	} {
		n, err := strconv.Atoi(got.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("attributes of %s: %w", q.ARN, err)
		}
		sum += n
	}
	return sum, nil
}

// Take receives a few messages, which stay in the queue until they are deleted, none when
// there are none.
func (q *Queue) Take(ctx context.Context) ([]types.Message, error) {
	got, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", q.ARN, err)
	}
	return got.Messages, nil
}

// Delete removes messages that were taken.
func (q *Queue) Delete(ctx context.Context, messages []types.Message) error {
	if len(messages) == 0 {
		return nil
	}
	done := &sqs.DeleteMessageBatchInput{QueueUrl: &q.URL}
	for i, m := range messages {
		done.Entries = append(done.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	deleted, err := q.client.DeleteMessageBatch(ctx, done)
	if err != nil {
		return fmt.Errorf("delete from %s: %w", q.ARN, err)
	}
	if len(deleted.Failed) > 0 {
		return fmt.Errorf("delete from %s: %s", q.ARN, aws.ToString(deleted.Failed[0].Message))
	}
	return nil
}

// Return makes messages visible again that were taken, as if their time were over.
func (q *Queue) Return(ctx context.Context, messages []types.Message) error {
	for _, m := range messages {
		if _, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return fmt.Errorf("return to %s: %w", q.ARN, err)
		}
	}
	return nil
}

// Receive takes the bodies of a few messages out of the queue, none when it is
// empty.
func (q *Queue) Receive(ctx context.Context) ([][]byte, error) {
	messages, err := q.Take(ctx)
	if err != nil {
		return nil, err
	}
	var bodies [][]byte
	for _, m := range messages {
		bodies = append(bodies, []byte(aws.ToString(m.Body)))
	}
	return bodies, q.Delete(ctx, messages)
}

// Drain takes the bodies of all messages out of the queue.
func (q *Queue) Drain(ctx context.Context) ([][]byte, error) {
	var all [][]byte
	for {
		some, err := q.Receive(ctx)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
}
