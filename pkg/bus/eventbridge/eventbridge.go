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
	"github.com/rollcall-dev/rollcall/pkg/bus/awscall"
)

const (
	// maxEntries is what PutEvents takes in one request.
	maxEntries = 10
	// maxBytes: all entries together must be smaller than 1 MB.
	maxBytes = 1_000_000 - 1
	// timeBytes is what PutEvents counts for a Time.
	timeBytes = 14
	// maxDetailType is how many characters a DetailType may have.
	maxDetailType = 128
)

// Config says where to publish.
type Config struct {
	// AWS is the SDK's configuration. An ARN's region overrides its own.
	AWS aws.Config
	// Bus is the event bus.
	Bus Bus
	// MaxBytes bounds one entry and one request, below the service's 999,999
	// bytes: where the bus or its targets take less. 0 is the service's.
	MaxBytes int
}

// Driver publishes to one event bus.
type Driver struct {
	client *eventbridge.Client
	bus    Bus
	bytes  int
	call   awscall.Call
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver. It makes no request. The error is that no region is
// known.
func New(cfg Config) (*Driver, error) {
	config, err := awscall.Config(cfg.AWS, cfg.Bus.Region)
	if err != nil {
		return nil, err
	}
	d := &Driver{client: eventbridge.NewFromConfig(config), bus: cfg.Bus, bytes: maxBytes}
	if cfg.MaxBytes > 0 {
		d.bytes = min(cfg.MaxBytes, maxBytes)
	}
	d.call = awscall.Call{Service: eventbridge.ServiceID, Action: "events:PutEvents", On: cfg.Bus.String()}
	return d, nil
}

// String names the bus.
func (d *Driver) String() string { return "EventBridge " + d.bus.String() }

// Limits are those of PutEvents.
func (d *Driver) Limits() bus.Limits {
	return bus.Limits{Entries: maxEntries, Bytes: d.bytes, EntryBytes: d.bytes}
}

// Append appends the Detail. The size is counted as the EventBridge User Guide
// does ("Calculating PutEvents event entry size").
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
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

// Send makes one PutEvents.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	in := &eventbridge.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, len(batch))}
	for i := range batch {
		e := &batch[i]
		in.Entries[i] = types.PutEventsRequestEntry{
			EventBusName: &d.bus.Name, Source: &e.Source, DetailType: &e.Type, Detail: aws.String(string(e.Body)),
		}
		if !e.Time.IsZero() {
			in.Entries[i].Time = &e.Time
		}
	}
	out, err := d.client.PutEvents(ctx, in)
	if err != nil {
		return nil, d.call.Refusal(err)
	}
	var failures []bus.Failure
	for i := range batch {
		var result types.PutEventsResultEntry
		if i < len(out.Entries) {
			result = out.Entries[i]
		}
		if code := aws.ToString(result.ErrorCode); code != "" {
			failures = append(failures, d.call.Failure(i, code, true))
		} else if aws.ToString(result.EventId) == "" {
			failures = append(failures, d.call.Failure(i, "", false))
		}
	}
	return failures, nil
}
