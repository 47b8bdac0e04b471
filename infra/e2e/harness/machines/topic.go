package machines

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Topic is an SNS topic whose messages are kept.
type Topic struct {
	// ARN names it.
	ARN string

	world *World
	queue string
}

// Message is one publication.
type Message struct {
	// Subject is its subject.
	Subject string
	// Body is its text.
	Body string `json:"Message"`
}

// Topic makes a topic, or takes the one of that name, with a queue of the same name behind it.
func (w *World) Topic(ctx context.Context, name string) (*Topic, error) {
	made, err := sns.NewFromConfig(w.Config()).CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("create the topic %s: %w", name, err)
	}
	queue, err := sqs.NewFromConfig(w.Config()).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("create the queue %s: %w", name, err)
	}
	_, err = sns.NewFromConfig(w.Config()).Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: made.TopicArn, Protocol: aws.String("sqs"),
		Endpoint: aws.String("arn:aws:sqs:" + Region + ":" + Account + ":" + name),
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to the topic %s: %w", name, err)
	}
	return &Topic{ARN: *made.TopicArn, world: w, queue: *queue.QueueUrl}, nil
}

// Messages takes what has been published since the last time.
func (t *Topic) Messages(ctx context.Context) ([]Message, error) {
	client := sqs.NewFromConfig(t.world.Config())
	var all []Message
	for {
		got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(t.queue), MaxNumberOfMessages: 10})
		if err != nil {
			return nil, fmt.Errorf("read what the topic was sent: %w", err)
		}
		if len(got.Messages) == 0 {
			return all, nil
		}
		for _, m := range got.Messages {
			var message Message
			if err := json.Unmarshal([]byte(*m.Body), &message); err != nil {
				return nil, fmt.Errorf("what the topic was sent: %w", err)
			}
			all = append(all, message)
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{
				QueueUrl: aws.String(t.queue), ReceiptHandle: m.ReceiptHandle,
			}); err != nil {
				return nil, fmt.Errorf("delete the message: %w", err)
			}
		}
	}
}
