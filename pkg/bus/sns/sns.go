// Package sns publishes to an Amazon SNS topic, standard or FIFO: a message is
// the CloudEvent in structured mode, and its attribute "type" is the event's type, so
// that a subscription's filter policy can choose by it.
package sns

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awscall"
)

const (
	// maxEntries is what PublishBatch takes in one request.
	maxEntries = 10
	// defaultBytes is a topic's MaximumMessageSize, of a message as of a batch,
	// unless it was set; maxBytes is what it may be set to.
	defaultBytes = 256 << 10
	maxBytes     = 1 << 20
	// Each message has one attribute, whose name, data type and value count.
	attribute     = "type"
	attributeType = "String"
)

// Config says where to publish.
type Config struct {
	// AWS is the SDK's configuration. The ARN's region overrides its own.
	AWS aws.Config
	// Topic is the topic.
	Topic Topic
	// MaxBytes is the topic's MaximumMessageSize where that was set, up to
	// 1 MiB. 0 is the service's default of 256 KiB.
	MaxBytes int
}

// Driver publishes to one topic.
type Driver struct {
	client *sns.Client
	topic  Topic
	bytes  int
	call   awscall.Call
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver. It makes no request. The error is that no region is
// known.
func New(cfg Config) (*Driver, error) {
	config, err := awscall.Config(cfg.AWS, cfg.Topic.Region)
	if err != nil {
		return nil, err
	}
	d := &Driver{client: sns.NewFromConfig(config), topic: cfg.Topic, bytes: defaultBytes}
	if cfg.MaxBytes > 0 {
		d.bytes = min(cfg.MaxBytes, maxBytes)
	}
	d.call = awscall.Call{Service: sns.ServiceID, Action: "sns:Publish", On: cfg.Topic.String()}
	return d, nil
}

// String names the topic.
func (d *Driver) String() string { return "SNS " + d.topic.String() }

// Limits are those of PublishBatch: a batch, too, is bound by the topic's
// MaximumMessageSize.
func (d *Driver) Limits() bus.Limits {
	return bus.Limits{Entries: maxEntries, Bytes: d.bytes, EntryBytes: d.bytes, Ordered: d.topic.FIFO}
}

// Append appends the message. SNS counts it and its attribute.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendXMLSafe(dst)
	return dst, len(dst) - start + len(attribute) + len(attributeType) + len(e.Type), nil
}

// Send makes one PublishBatch.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	in := &sns.PublishBatchInput{TopicArn: &d.topic.ARN, PublishBatchRequestEntries: make([]types.PublishBatchRequestEntry, len(batch))}
	for i := range batch {
		e := &batch[i]
		entry := types.PublishBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), Message: aws.String(string(e.Body)),
			MessageAttributes: map[string]types.MessageAttributeValue{
				attribute: {DataType: aws.String(attributeType), StringValue: &e.Type},
			},
		}
		if d.topic.FIFO {
			entry.MessageGroupId = aws.String(awscall.Group(*e))
			entry.MessageDeduplicationId = aws.String(awscall.Deduplication(*e))
		}
		in.PublishBatchRequestEntries[i] = entry
	}
	out, err := d.client.PublishBatch(ctx, in)
	if err != nil {
		return nil, d.call.Refusal(err)
	}
	results := d.call.Results(len(batch))
	for _, taken := range out.Successful {
		results.Taken(taken.Id)
	}
	for _, failed := range out.Failed {
		results.Failed(failed.Id, failed.Code, failed.SenderFault)
	}
	return results.Failures(), nil
}
