// Package firehose publishes to an Amazon Data Firehose stream: a record is the
// CloudEvent in structured mode on a line of its own, so that what Firehose puts
// together is NDJSON.
package firehose

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awscall"
)

// What PutRecordBatch takes, before base64: 500 records of 1,000 KiB, 4 MiB in
// all. These limits cannot be raised.
const (
	maxEntries = 500
	maxBytes   = 4 << 20
	maxRecord  = 1000 << 10
)

// Config says where to publish.
type Config struct {
	// AWS is the SDK's configuration. An ARN's region overrides its own.
	AWS aws.Config
	// Stream is the Firehose stream.
	Stream Stream
}

// Driver publishes to one stream.
type Driver struct {
	client *firehose.Client
	stream Stream
	call   awscall.Call
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver. It makes no request. The error is that no region is
// known.
func New(cfg Config) (*Driver, error) {
	config, err := awscall.Config(cfg.AWS, cfg.Stream.Region)
	if err != nil {
		return nil, err
	}
	return &Driver{
		client: firehose.NewFromConfig(config), stream: cfg.Stream,
		call: awscall.Call{Service: firehose.ServiceID, Action: "firehose:PutRecordBatch", On: cfg.Stream.String()},
	}, nil
}

// String names the stream.
func (d *Driver) String() string { return "Firehose " + d.stream.String() }

// Limits are those of PutRecordBatch.
func (d *Driver) Limits() bus.Limits {
	return bus.Limits{Entries: maxEntries, Bytes: maxBytes, EntryBytes: maxRecord}
}

// Append appends the record's data, a line.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = append(e.AppendJSON(dst), '\n')
	return dst, len(dst) - start, nil
}

// Send makes one PutRecordBatch.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	in := &firehose.PutRecordBatchInput{DeliveryStreamName: &d.stream.Name, Records: make([]types.Record, len(batch))}
	for i, e := range batch {
		in.Records[i].Data = e.Body
	}
	out, err := d.client.PutRecordBatch(ctx, in)
	if err != nil {
		return nil, d.call.Refusal(err)
	}
	var failures []bus.Failure
	for i := range batch {
		var result types.PutRecordBatchResponseEntry
		if i < len(out.RequestResponses) {
			result = out.RequestResponses[i]
		}
		if result.ErrorCode != nil || aws.ToString(result.RecordId) == "" {
			failures = append(failures, d.call.Failure(i, aws.ToString(result.ErrorCode), false))
		}
	}
	return failures, nil
}
