// Package sqs publishes to an Amazon SQS queue, standard or FIFO: a message's
// body is the CloudEvent in structured mode. On a FIFO queue the group is the
// event's subject and the deduplication id follows from the event's id, so that what
// is sent again within five minutes arrives once.
package sqs

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awscall"
)

const (
	// maxEntries is what SendMessageBatch takes in one request.
	maxEntries = 10
	// maxBytes is both a message and a whole batch: 1 MiB.
	maxBytes = 1 << 20
)

// Config says where to publish.
type Config struct {
	// AWS is the SDK's configuration. The queue's region overrides its own.
	AWS aws.Config
	// Queue is the queue.
	Queue Queue
	// MaxBytes is the queue's MaximumMessageSize where that is below the
	// service's 1 MiB. 0 is the service's.
	MaxBytes int
}

// Driver publishes to one queue.
type Driver struct {
	client *sqs.Client
	queue  Queue
	bytes  int
	call   awscall.Call
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver. It makes no request. The error is that no region is
// known.
func New(cfg Config) (*Driver, error) {
	config, err := awscall.Config(cfg.AWS, cfg.Queue.Region)
	if err != nil {
		return nil, err
	}
	d := &Driver{client: sqs.NewFromConfig(config), queue: cfg.Queue, bytes: maxBytes}
	if cfg.MaxBytes > 0 {
		d.bytes = min(cfg.MaxBytes, maxBytes)
	}
	d.call = awscall.Call{Service: sqs.ServiceID, Action: "sqs:SendMessage", On: cfg.Queue.String()}
	return d, nil
}

// String names the queue.
func (d *Driver) String() string { return "SQS " + d.queue.String() }

// Limits are those of SendMessageBatch. A batch is not bound by the queue's own
// MaximumMessageSize, which is of one message.
func (d *Driver) Limits() bus.Limits {
	return bus.Limits{Entries: maxEntries, Bytes: maxBytes, EntryBytes: d.bytes, Ordered: d.queue.FIFO}
}

// Append appends the message's body. SQS counts body and attributes; there are
// no attributes.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendXMLSafe(dst)
	return dst, len(dst) - start, nil
}

// Send makes one SendMessageBatch.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: &d.queue.URL, Entries: make([]types.SendMessageBatchRequestEntry, len(batch))}
	for i, e := range batch {
		in.Entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(e.Body))}
		if d.queue.FIFO {
			in.Entries[i].MessageGroupId = aws.String(awscall.Group(e))
			in.Entries[i].MessageDeduplicationId = aws.String(awscall.Deduplication(e))
		}
	}
	out, err := d.client.SendMessageBatch(ctx, in)
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
