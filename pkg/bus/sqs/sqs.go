// Package sqs publishes to an Amazon SQS queue, standard or FIFO: a message's
// body is the CloudEvent in structured mode. On a FIFO queue the group is the
// event's subject and the deduplication id follows from the event's id, so that what
// is resent within five minutes arrives once.
package sqs

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

const (
	// maxEntries is what SendMessageBatch accepts in one request.
	maxEntries = 10
	// maxBytes is the limit of a message and of a whole batch: 1 MiB.
	maxBytes = 1 << 20
)

// Config is a queue.
type Config struct {
	// URL is the queue's, as SQS gave it.
	URL string
	// Name is its last part; Region that of the host, "" when the host has none.
	Name, Region string
	// FIFO says that the queue keeps an order: its name ends in .fifo.
	FIFO bool
	// MaxBytes is the queue's MaximumMessageSize where that is below the
	// service's 1 MiB. 0 is the service's.
	MaxBytes int `option:"max-bytes"`
}

var errAddress = errors.New("a queue is given by its URL, https://sqs.<region>.amazonaws.com/<account>/<name>")

// Parse reads a queue's URL. Only its path and its region count: requests go to
// the region's endpoint, or to AWS_ENDPOINT_URL.
func Parse(address string) (Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Config{}, errAddress
	}
	parts := regexp.MustCompile(`^/(?:[^/]+/)*([0-9]{12})/([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`).FindStringSubmatch(u.Path)
	if parts == nil {
		return Config{}, errAddress
	}
	c := Config{URL: address, Name: parts[2], Region: region(u.Hostname()), FIFO: strings.HasSuffix(parts[2], ".fifo")}
	if c.Region != "" && !awsbus.IsRegion(c.Region) {
		return Config{}, errAddress
	}
	return c, nil
}

// region reads the region from a host of SQS: sqs.<region>.amazonaws.com, with
// sqs-fips, a suffix such as .cn or a VPC endpoint's prefix, sqs.<region>.api.aws, and
// the older <region>.queue.amazonaws.com.
func region(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels {
		switch {
		case (label == "sqs" || label == "sqs-fips") && i+2 < len(labels):
			return labels[i+1]
		case label == "queue" && i > 0 && i+1 < len(labels) && labels[i+1] == "amazonaws":
			return labels[i-1]
		}
	}
	if host == "queue.amazonaws.com" {
		return "us-east-1"
	}
	return ""
}

// String names the queue.
func (c Config) String() string { return "queue " + c.Name }

// New returns the queue's driver; see [awsbus.New]. A batch is not bound by the
// queue's own MaximumMessageSize, which is of one message.
func New(cfg aws.Config, c Config) (*awsbus.Driver, error) {
	return awsbus.New(cfg, awsbus.Spec[*sqs.Client, sqs.Options]{
		Service: sqs.ServiceID, Action: "sqs:SendMessage", Resource: c.String(), Region: c.Region,
		Limits:   bus.Limits{Entries: maxEntries, Bytes: maxBytes, EntryBytes: awsbus.Bytes(c.MaxBytes, maxBytes, maxBytes), Ordered: c.FIFO},
		Client:   sqs.NewFromConfig,
		Endpoint: func(o *sqs.Options) *string { return o.BaseEndpoint },
		Append:   appendBody,
		Send:     c.send,
	})
}

// appendBody appends the message's body. SQS counts body and attributes; there
// are no attributes.
func appendBody(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendXMLSafe(dst)
	return dst, len(dst) - start, nil
}

// send makes one SendMessageBatch.
func (c Config) send(ctx context.Context, client *sqs.Client, batch []bus.Entry, outcome *awsbus.Outcome) error {
	in := &sqs.SendMessageBatchInput{QueueUrl: &c.URL, Entries: make([]types.SendMessageBatchRequestEntry, len(batch))}
	for i, e := range batch {
		in.Entries[i] = types.SendMessageBatchRequestEntry{Id: awsbus.ID(i), MessageBody: aws.String(string(e.Body))}
		if c.FIFO {
			in.Entries[i].MessageGroupId = aws.String(awsbus.Group(e.Subject, e.Source))
			in.Entries[i].MessageDeduplicationId = aws.String(awsbus.Deduplication(e.ID))
		}
	}
	out, err := client.SendMessageBatch(ctx, in)
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
