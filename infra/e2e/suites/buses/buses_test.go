package buses

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sqsapi "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

const (
	account = "123456789012" // moto's
	region  = "eu-west-1"
)

// world is the AWS that all tests share; each has resources of its own.
type world struct {
	aws  aws.Config
	made atomic.Int32
}

func (w *world) name() string { return fmt.Sprintf("people-%d", w.made.Add(1)) }

func TestBusesOfAWS(t *testing.T) {
	server, err := moto.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := &world{aws: server.Config()}
	for name, open := range map[string]bustest.Open{
		"eventbridge":  w.eventBridge,
		"sns":          func(t *testing.T) bustest.Bus { return w.sns(t, "") },
		"sns fifo":     func(t *testing.T) bustest.Bus { return w.sns(t, ".fifo") },
		"sqs":          func(t *testing.T) bustest.Bus { return w.sqs(t, "") },
		"sqs fifo":     func(t *testing.T) bustest.Bus { return w.sqs(t, ".fifo") },
		"kinesis":      w.kinesis,
		"kinesis ARN":  w.kinesisByARN,
		"firehose":     w.firehose,
		"firehose ARN": w.firehoseByARN,
	} {
		t.Run(name, func(t *testing.T) { bustest.RunServer(t, open) })
	}
}

// quiet is how long a reader that has less than it wants waits for more.
const quiet = 2 * time.Second

// drain calls read, which returns what is new, until there is as much as wanted or
// nothing has come for a while.
func drain(ctx context.Context, want int, all *[][]byte, read func(context.Context) ([][]byte, error)) ([][]byte, error) {
	for last := time.Now(); ; {
		more, err := read(ctx)
		if err != nil {
			return nil, err
		}
		if *all = append(*all, more...); len(more) > 0 {
			last = time.Now()
			continue // until it is empty: there may be too many
		}
		if len(*all) >= want || time.Since(last) > quiet {
			return *all, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// queue makes a queue and returns its URL, its ARN and its reader, which takes the
// message out of a body.
func (w *world) queue(t *testing.T, suffix string, open func([]byte) ([]byte, error)) (url, arn string, receive func(context.Context, int) ([][]byte, error)) {
	t.Helper()
	client := sqsapi.NewFromConfig(w.aws)
	name := w.name() + suffix
	in := &sqsapi.CreateQueueInput{QueueName: &name}
	if suffix != "" {
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	made, err := client.CreateQueue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	read := func(ctx context.Context) ([][]byte, error) {
		out, err := client.ReceiveMessage(ctx, &sqsapi.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			return nil, err
		}
		var bodies [][]byte
		for _, message := range out.Messages {
			body, err := open([]byte(*message.Body))
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, body)
			if _, err := client.DeleteMessage(ctx, &sqsapi.DeleteMessageInput{QueueUrl: made.QueueUrl, ReceiptHandle: message.ReceiptHandle}); err != nil {
				return nil, err
			}
		}
		return bodies, nil
	}
	return *made.QueueUrl, "arn:aws:sqs:" + region + ":" + account + ":" + name, func(ctx context.Context, want int) ([][]byte, error) {
		return drain(ctx, want, &all, read)
	}
}

func whole(body []byte) ([]byte, error) { return body, nil }
