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
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

const (
	// maxEntries is what PutRecords accepts in one request, and maxBytes how much
	// of it, partition keys included: 10 MiB.
	maxEntries = 500
	maxBytes   = 10 << 20
	// defaultRecord is a stream's MaxRecordSize unless it was raised: 1 MiB,
	// partition key included.
	defaultRecord = 1 << 20
)

// Config is a data stream.
type Config struct {
	awsbus.Address
	// MaxRecordBytes is the stream's MaxRecordSize where that was raised, up to
	// 10 MiB. 0 is the service's default of 1 MiB.
	MaxRecordBytes int `option:"max-bytes"`
}

// Parse reads a stream's name or its ARN
// (arn:aws:kinesis:<region>:<account>:stream/<name>).
func Parse(address string) (Config, error) {
	at, err := awsbus.Form{Noun: "a data stream", Service: "kinesis", Type: "stream/", Name: `[A-Za-z0-9_.-]{1,128}`}.Parse(address)
	return Config{Address: at}, err
}

// String names the stream.
func (c Config) String() string { return "stream " + c.Name }

// New returns the stream's driver; see [awsbus.New]. PutRecords takes records in
// any order, so it is the publisher's rule of one subject a batch that keeps the
// order.
func New(cfg aws.Config, c Config) (*awsbus.Driver, error) {
	return awsbus.New(cfg, awsbus.Spec[*kinesis.Client, kinesis.Options]{
		Service: kinesis.ServiceID, Action: "kinesis:PutRecords", Resource: c.String(), Region: c.Region,
		Limits:   bus.Limits{Entries: maxEntries, Bytes: maxBytes, EntryBytes: awsbus.Bytes(c.MaxRecordBytes, defaultRecord, maxBytes), Ordered: true},
		Client:   kinesis.NewFromConfig,
		Endpoint: func(o *kinesis.Options) *string { return o.BaseEndpoint },
		Append:   appendRecord,
		Send:     c.send,
	})
}

// appendRecord appends the record's data. Kinesis counts it and the partition key.
func appendRecord(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendJSON(dst)
	return dst, len(dst) - start + len(awsbus.Group(e.Subject, e.Source)), nil
}

// send makes one PutRecords.
func (c Config) send(ctx context.Context, client *kinesis.Client, batch []bus.Entry, outcome *awsbus.Outcome) error {
	in := &kinesis.PutRecordsInput{Records: make([]types.PutRecordsRequestEntry, len(batch))}
	if c.ARN != "" {
		in.StreamARN = &c.ARN
	} else {
		in.StreamName = &c.Name
	}
	for i, e := range batch {
		in.Records[i] = types.PutRecordsRequestEntry{Data: e.Body, PartitionKey: aws.String(awsbus.Group(e.Subject, e.Source))}
	}
	out, err := client.PutRecords(ctx, in)
	if err != nil {
		return err
	}
	for i, result := range out.Records {
		outcome.At(i, result.SequenceNumber, result.ErrorCode, false)
	}
	return nil
}
