package buses_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	eventbridgeapi "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	snsapi "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
	"github.com/rollcall-dev/rollcall/pkg/bus/sns"
	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
)

func (s *server) sqs(t *testing.T, suffix string) bustest.Bus {
	sink, receive := s.queue(t, suffix, whole)
	queue, err := sqs.Parse(sink.URL)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := sqs.New(s.aws, queue)
	if err != nil {
		t.Fatal(err)
	}
	return bustest.Bus{Driver: driver, Ordered: suffix != "", Receive: receive}
}

// sns is read through a queue that subscribes to the topic's events of users.
func (s *server) sns(t *testing.T, suffix string) bustest.Bus {
	client := snsapi.NewFromConfig(s.aws)
	in := &snsapi.CreateTopicInput{Name: aws.String(s.name() + suffix)}
	if suffix != "" {
		in.Attributes = map[string]string{"FifoTopic": "true"}
	}
	made, err := client.CreateTopic(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	queue, receive := s.queue(t, suffix, whole)
	if _, err := client.Subscribe(t.Context(), &snsapi.SubscribeInput{
		TopicArn: made.TopicArn, Protocol: aws.String("sqs"), Endpoint: &queue.ARN,
		Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": `{"type":[{"prefix":"rollcall.user."}]}`},
	}); err != nil {
		t.Fatal(err)
	}
	topic, err := sns.Parse(*made.TopicArn)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := sns.New(s.aws, topic)
	if err != nil {
		t.Fatal(err)
	}
	return bustest.Bus{Driver: driver, Ordered: suffix != "", Receive: receive}
}

// eventBridge is read through a rule whose target is a queue.
func (s *server) eventBridge(t *testing.T) bustest.Bus {
	client := eventbridgeapi.NewFromConfig(s.aws)
	name := s.name()
	made, err := client.CreateEventBus(t.Context(), &eventbridgeapi.CreateEventBusInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutRule(t.Context(), &eventbridgeapi.PutRuleInput{
		Name: &name, EventBusName: &name,
		EventPattern: aws.String(`{"source":[{"prefix":"urn:rollcall:tenant:"}],"detail-type":["rollcall.user.listed"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	queue, receive := s.queue(t, "", detail)
	if _, err := client.PutTargets(t.Context(), &eventbridgeapi.PutTargetsInput{
		Rule: &name, EventBusName: &name, Targets: []types.Target{{Id: aws.String("queue"), Arn: &queue.ARN}},
	}); err != nil {
		t.Fatal(err)
	}
	address, err := eventbridge.Parse(*made.EventBusArn)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := eventbridge.New(s.aws, address)
	if err != nil {
		t.Fatal(err)
	}
	return bustest.Bus{Driver: driver, Receive: receive}
}

// detail takes the CloudEvent out of EventBridge's event.
func detail(body []byte) ([]byte, error) {
	var event struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Time       string          `json:"time"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, err
	}
	var cloud struct{ Source, Type string }
	if err := json.Unmarshal(event.Detail, &cloud); err != nil {
		return nil, err
	}
	if event.Source != cloud.Source || event.DetailType != cloud.Type || event.Time != "2026-11-22T06:30:00Z" {
		return nil, fmt.Errorf("source %q, detail-type %q, time %q", event.Source, event.DetailType, event.Time)
	}
	return event.Detail, nil
}
