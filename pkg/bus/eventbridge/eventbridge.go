// Package eventbridge publishes to an Amazon EventBridge event bus. An entry's
// Detail is the whole CloudEvent in structured mode, and what rules match by is
// mapped from it: source to Source, type to DetailType, time to Time.
package eventbridge

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

const (
	// maxEntries is what PutEvents accepts in one request.
	maxEntries = 10
	// maxBytes: all entries together must be smaller than 1 MB.
	maxBytes = 1_000_000 - 1
	// timeBytes is what PutEvents counts for a Time.
	timeBytes = 14
	// maxDetailType is how many characters a DetailType may have.
	maxDetailType = 128
)

// Config is an event bus. PutEvents takes its name or its ARN.
type Config struct {
	awsbus.Address
	// MaxBytes bounds one entry and one request, below the service's 999,999
	// bytes: where the bus or its targets take less. 0 is the service's.
	MaxBytes int `option:"max-bytes"`
}

// Parse reads a bus's name, such as default, or its ARN
// (arn:aws:events:<region>:<account>:event-bus/<name>).
func Parse(address string) (Config, error) {
	// The name is as in EventBusName of PutEvents, but for a slash at its start.
	at, err := awsbus.Form{Noun: "an event bus", Service: "events", Type: "event-bus/", Name: `[.\-_A-Za-z0-9][/.\-_A-Za-z0-9]{0,255}`}.Parse(address)
	return Config{Address: at}, err
}

// String names the bus.
func (c Config) String() string { return "event bus " + c.Name }

// New returns the bus's driver; see [awsbus.New].
func New(cfg aws.Config, c Config) (*awsbus.Driver, error) {
	bytes := awsbus.Bytes(c.MaxBytes, maxBytes, maxBytes)
	return awsbus.New(cfg, awsbus.Spec[*eventbridge.Client, eventbridge.Options]{
		Service: eventbridge.ServiceID, Action: "events:PutEvents", Resource: c.String(), Region: c.Region,
		Limits:   bus.Limits{Entries: maxEntries, Bytes: bytes, EntryBytes: bytes},
		Client:   eventbridge.NewFromConfig,
		Endpoint: func(o *eventbridge.Options) *string { return o.BaseEndpoint },
		Append:   appendDetail,
		Send:     c.send,
	})
}

// appendDetail appends the Detail. The size is counted as the EventBridge User
// Guide does ("Calculating PutEvents event entry size").
func appendDetail(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	if len(e.Type) > maxDetailType {
		return dst, 0, errType
	}
	if strings.HasPrefix(e.Source, "aws.") {
		return dst, 0, errSource
	}
	if err := check(e.Data); err != nil {
		return dst, 0, err
	}
	dst = e.AppendJSON(dst)
	size := len(dst) - start + len(e.Source) + len(e.Type)
	if !e.Time.IsZero() {
		size += timeBytes
	}
	return dst, size, nil
}

// send makes one PutEvents.
func (c Config) send(ctx context.Context, client *eventbridge.Client, batch []bus.Entry, outcome *awsbus.Outcome) error {
	name := c.Name
	if c.ARN != "" {
		name = c.ARN
	}
	in := &eventbridge.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, len(batch))}
	for i := range batch {
		e := &batch[i]
		in.Entries[i] = types.PutEventsRequestEntry{
			EventBusName: &name, Source: &e.Source, DetailType: &e.Type, Detail: aws.String(string(e.Body)),
		}
		if !e.Time.IsZero() {
			in.Entries[i].Time = &e.Time
		}
	}
	out, err := client.PutEvents(ctx, in)
	if err != nil {
		return err
	}
	for i, result := range out.Entries {
		outcome.At(i, result.EventId, result.ErrorCode, true)
	}
	return nil
}
