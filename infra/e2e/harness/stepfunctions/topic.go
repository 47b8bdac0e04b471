package stepfunctions

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
)

// Topic is an SNS topic whose messages are kept.
type Topic struct {
	// ARN names it.
	ARN string

	queue *cloud.Queue
}

// Message is one publication.
type Message struct {
	// Subject is its subject.
	Subject string
	// Body is its text.
	Body string `json:"Message"`
}

// Topic makes a topic, or takes the one of that name, with a queue of the same name behind it.
func (s *Server) Topic(ctx context.Context, name string) (*Topic, error) {
	client := sns.NewFromConfig(s.Config())
	made, err := client.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("create the topic %s: %w", name, err)
	}
	queue, err := cloud.CreateQueue(ctx, s.Config(), name)
	if err != nil {
		return nil, err
	}
	_, err = client.Subscribe(ctx, &sns.SubscribeInput{TopicArn: made.TopicArn, Protocol: aws.String("sqs"), Endpoint: &queue.ARN})
	if err != nil {
		return nil, fmt.Errorf("subscribe to the topic %s: %w", name, err)
	}
	return &Topic{ARN: *made.TopicArn, queue: queue}, nil
}

// Messages takes what has been published since the last time.
func (t *Topic) Messages(ctx context.Context) ([]Message, error) {
	bodies, err := t.queue.Drain(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Message, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal(body, &all[i]); err != nil {
			return nil, fmt.Errorf("the topic's message: %w", err)
		}
	}
	return all, nil
}
