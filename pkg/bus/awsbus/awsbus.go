// Package awsbus is what the buses of AWS have in common: how they are addressed,
// how their service is called and what its answers mean. A bus package adds its
// limits, its entry and its one request.
package awsbus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// Spec is what makes one service's bus. Client and Options are the SDK's.
type Spec[Client, Options any] struct {
	// Service is its name in the SDK: EventBridge, SNS, SQS, Kinesis, Firehose.
	Service string
	// Action is the permission that the request needs, such as sqs:SendMessage.
	Action string
	// Resource is what the permission is needed on, such as "queue rollcall".
	Resource string
	// Region is that of the resource's address, "" for the configured one.
	Region string
	// Limits are the service's.
	Limits bus.Limits
	// Client is the SDK's NewFromConfig.
	Client func(aws.Config, ...func(*Options)) Client
	// Endpoint is the address of the client's options that replaces AWS's own.
	Endpoint func(*Options) *string
	// Append appends a message's text; see [bus.Driver].
	Append func(dst []byte, e bus.Event) (text []byte, size int, err error)
	// Send makes one request and records what became of its entries. The error is
	// the SDK's.
	Send func(ctx context.Context, client Client, batch []bus.Entry, outcome *Outcome) error
}

// Driver publishes to one bus.
type Driver struct {
	call   call
	limits bus.Limits
	append func(dst []byte, e bus.Event) ([]byte, int, error)
	send   func(ctx context.Context, batch []bus.Entry, outcome *Outcome) error
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver of a bus. It makes no request. The error is that no
// region is known, or that people would be sent to another machine in plain HTTP.
//
// The SDK's own retries are off: it would resend whole batches, and as often as
// its attempts times those of [bus.Publisher].
func New[Client, Options any](cfg aws.Config, s Spec[Client, Options]) (*Driver, error) {
	cfg = cfg.Copy()
	if s.Region != "" {
		cfg.Region = s.Region
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region is set: set AWS_REGION, or give the bus by its ARN")
	}
	cfg.HTTPClient = awsapi.Client(cfg.HTTPClient)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	var own string // of the service, or "" for AWS's
	client := s.Client(cfg, func(o *Options) { own = aws.ToString(s.Endpoint(o)) })
	if own != "" {
		if err := origin.CheckEndpoint(own); err != nil {
			return nil, fmt.Errorf("the address of %s (AWS_ENDPOINT_URL_%s or AWS_ENDPOINT_URL) %w", s.Service, strings.ToUpper(s.Service), err)
		}
	}
	return &Driver{
		call: call{service: s.Service, action: s.Action, on: s.Resource}, limits: s.Limits, append: s.Append,
		send: func(ctx context.Context, batch []bus.Entry, outcome *Outcome) error {
			return s.Send(ctx, client, batch, outcome)
		},
	}, nil
}

// String names the service and the resource.
func (d *Driver) String() string { return d.call.service + " " + d.call.on }

// Limits are those of the service's request.
func (d *Driver) Limits() bus.Limits { return d.limits }

// Append appends the message's text.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) { return d.append(dst, e) }

// Send makes one request.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	outcome := &Outcome{call: d.call, taken: make([]bool, len(batch))}
	if err := d.send(ctx, batch, outcome); err != nil {
		return nil, d.call.refusal(err)
	}
	return outcome.failures(), nil
}

// Bytes is a limit of a service: what a sink's URL says, up to what the service
// allows, or the service's default if the URL says nothing.
func Bytes(configured, standard, most int) int {
	if configured <= 0 {
		return standard
	}
	return min(configured, most)
}

// Group is the message group, or partition key, of an event: its subject, else
// its source. Text that a group may not be (up to 128 printable ASCII characters
// without a space) is hashed.
func Group(subject, source string) string {
	group := subject
	if group == "" {
		group = source
	}
	if len(group) > 128 {
		return digest(group)
	}
	for _, c := range []byte(group) {
		if c <= ' ' || c > '~' {
			return digest(group)
		}
	}
	return group
}

// Deduplication is the id by which FIFO queues and topics drop an event that
// they already have: a hash of the event's id, which may hold characters that
// they do not allow.
func Deduplication(id string) string { return digest(id) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
