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
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

// What PutRecordBatch takes, before base64: 500 records of 1,000 KiB, 4 MiB in
// all. These limits cannot be raised.
const (
	maxEntries = 500
	maxBytes   = 4 << 20
	maxRecord  = 1000 << 10
)

// Config is a Firehose stream.
type Config struct{ awsbus.Address }

// Parse reads a stream's name or its ARN
// (arn:aws:firehose:<region>:<account>:deliverystream/<name>). Firehose takes records
// by name only, so the account must be the caller's.
func Parse(address string) (Config, error) {
	at, err := awsbus.Form{Noun: "a Firehose stream", Service: "firehose", Type: "deliverystream/", Name: `[A-Za-z0-9_.-]{1,64}`}.Parse(address)
	return Config{at}, err
}

// String names the stream.
func (c Config) String() string { return "stream " + c.Name }

// New returns the stream's driver; see [awsbus.New].
func New(cfg aws.Config, c Config) (*awsbus.Driver, error) {
	return awsbus.New(cfg, awsbus.Spec[*firehose.Client, firehose.Options]{
		Service: firehose.ServiceID, Action: "firehose:PutRecordBatch", Resource: c.String(), Region: c.Region,
		Limits:   bus.Limits{Entries: maxEntries, Bytes: maxBytes, EntryBytes: maxRecord},
		Client:   firehose.NewFromConfig,
		Endpoint: func(o *firehose.Options) *string { return o.BaseEndpoint },
		Append:   appendRecord,
		Send:     c.send,
	})
}

// appendRecord appends the record's data, a line.
func appendRecord(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = append(e.AppendJSON(dst), '\n')
	return dst, len(dst) - start, nil
}

// send makes one PutRecordBatch.
func (c Config) send(ctx context.Context, client *firehose.Client, batch []bus.Entry, outcome *awsbus.Outcome) error {
	in := &firehose.PutRecordBatchInput{DeliveryStreamName: &c.Name, Records: make([]types.Record, len(batch))}
	for i, e := range batch {
		in.Records[i].Data = e.Body
	}
	out, err := client.PutRecordBatch(ctx, in)
	if err != nil {
		return err
	}
	for i, result := range out.RequestResponses {
		outcome.At(i, result.RecordId, result.ErrorCode, false)
	}
	return nil
}
