// Package kinesis publishes to an Amazon Kinesis data stream: a record is the
// CloudEvent in structured mode, its partition key the event's subject, so that the
// events of one subject stay on one shard, in order.
package kinesis

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awscall"
)

const (
	// maxEntries is what PutRecords takes in one request, and maxBytes how much
	// of it, partition keys included: 10 MiB.
	maxEntries = 500
	maxBytes   = 10 << 20
	// defaultRecord is a stream's MaxRecordSize unless it was raised: 1 MiB,
	// partition key included.
	defaultRecord = 1 << 20
)

// Config says where to publish.
type Config struct {
	// AWS is the SDK's configuration. An ARN's region overrides its own.
	AWS aws.Config
	// Stream is the data stream.
	Stream Stream
	// MaxRecordBytes is the stream's MaxRecordSize where that was raised, up to
	// 10 MiB. 0 is the service's default of 1 MiB.
	MaxRecordBytes int
}

// Driver publishes to one stream.
type Driver struct {
	client *kinesis.Client
	stream Stream
	record int
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
	d := &Driver{client: kinesis.NewFromConfig(config), stream: cfg.Stream, record: defaultRecord}
	if cfg.MaxRecordBytes > 0 {
		d.record = min(cfg.MaxRecordBytes, maxBytes)
	}
	d.call = awscall.Call{Service: kinesis.ServiceID, Action: "kinesis:PutRecords", On: cfg.Stream.String()}
	return d, nil
}

// String names the stream.
func (d *Driver) String() string { return "Kinesis " + d.stream.String() }

// Limits are those of PutRecords. PutRecords takes records in any order, so it
// is the publisher's rule of one subject a batch that keeps the order.
func (d *Driver) Limits() bus.Limits {
	return bus.Limits{Entries: maxEntries, Bytes: maxBytes, EntryBytes: d.record, Ordered: true}
}

// Append appends the record's data. Kinesis counts it and the partition key.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendJSON(dst)
	key := awscall.Group(bus.Entry{Subject: e.Subject, Source: e.Source})
	return dst, len(dst) - start + len(key), nil
}

// Send makes one PutRecords.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	in := &kinesis.PutRecordsInput{Records: make([]types.PutRecordsRequestEntry, len(batch))}
	if d.stream.ARN != "" {
		in.StreamARN = &d.stream.ARN
	} else {
		in.StreamName = &d.stream.Name
	}
	for i, e := range batch {
		in.Records[i] = types.PutRecordsRequestEntry{Data: e.Body, PartitionKey: aws.String(awscall.Group(e))}
	}
	out, err := d.client.PutRecords(ctx, in)
	if err != nil {
		return nil, d.call.Refusal(err)
	}
	var failures []bus.Failure
	for i := range batch {
		var result types.PutRecordsResultEntry
		if i < len(out.Records) {
			result = out.Records[i]
		}
		if result.ErrorCode != nil || aws.ToString(result.SequenceNumber) == "" {
			failures = append(failures, d.call.Failure(i, aws.ToString(result.ErrorCode), false))
		}
	}
	return failures, nil
}
