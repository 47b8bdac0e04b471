// Package sns publishes to an Amazon SNS topic, standard or FIFO: a message is
// the CloudEvent in structured mode, and its attribute "type" is the event's type, so
// that a subscription's filter policy can choose by it.
package sns

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

const (
	// maxEntries is what PublishBatch accepts in one request.
	maxEntries = 10
	// defaultBytes is a topic's MaximumMessageSize, of a message as of a batch,
	// unless it was set; maxBytes is what it may be set to.
	defaultBytes = 256 << 10
	maxBytes     = 1 << 20
	// Each message has one attribute, whose name, data type and value count.
	attribute     = "type"
	attributeType = "String"
)

// Config is a topic.
type Config struct {
	awsbus.Address
	// FIFO says that the topic keeps an order: its name ends in .fifo.
	FIFO bool
	// MaxBytes is the topic's MaximumMessageSize where that was set, up to
	// 1 MiB. 0 is the service's default of 256 KiB.
	MaxBytes int `option:"max-bytes"`
}

// Parse reads a topic's ARN.
func Parse(address string) (Config, error) {
	at, err := awsbus.Form{
		Noun: "a topic", Service: "sns", Name: `[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo`, OnlyARN: true,
	}.Parse(address)
	return Config{Address: at, FIFO: strings.HasSuffix(at.Name, ".fifo")}, err
}

// String names the topic.
func (c Config) String() string { return "topic " + c.Name }

// New returns the topic's driver; see [awsbus.New]. A batch, too, is bound by the
// topic's MaximumMessageSize.
func New(cfg aws.Config, c Config) (*awsbus.Driver, error) {
	bytes := awsbus.Bytes(c.MaxBytes, defaultBytes, maxBytes)
	return awsbus.New(cfg, awsbus.Spec[*sns.Client, sns.Options]{
		Service: sns.ServiceID, Action: "sns:Publish", Resource: c.String(), Region: c.Region,
		Limits:   bus.Limits{Entries: maxEntries, Bytes: bytes, EntryBytes: bytes, Ordered: c.FIFO},
		Client:   sns.NewFromConfig,
		Endpoint: func(o *sns.Options) *string { return o.BaseEndpoint },
		Append:   appendMessage,
		Send:     c.send,
	})
}

// appendMessage appends the message. SNS counts it and its attribute.
func appendMessage(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendXMLSafe(dst)
	return dst, len(dst) - start + len(attribute) + len(attributeType) + len(e.Type), nil
}

// send makes one PublishBatch.
func (c Config) send(ctx context.Context, client *sns.Client, batch []bus.Entry, outcome *awsbus.Outcome) error {
	in := &sns.PublishBatchInput{TopicArn: &c.ARN, PublishBatchRequestEntries: make([]types.PublishBatchRequestEntry, len(batch))}
	for i := range batch {
		e := &batch[i]
		entry := types.PublishBatchRequestEntry{
			Id: awsbus.ID(i), Message: aws.String(string(e.Body)),
			MessageAttributes: map[string]types.MessageAttributeValue{
				attribute: {DataType: aws.String(attributeType), StringValue: &e.Type},
			},
		}
		if c.FIFO {
			entry.MessageGroupId = aws.String(awsbus.Group(e.Subject, e.Source))
			entry.MessageDeduplicationId = aws.String(awsbus.Deduplication(e.ID))
		}
		in.PublishBatchRequestEntries[i] = entry
	}
	out, err := client.PublishBatch(ctx, in)
	if err != nil {
		return err
	}
	for _, taken := range out.Successful {
		outcome.At(awsbus.Index(taken.Id), taken.Id, nil, false)
	}
	for _, failed := range out.Failed {
		outcome.At(awsbus.Index(failed.Id), nil, failed.Code, failed.SenderFault)
	}
	return nil
}
