package buses_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

// server is the AWS that all tests share; each has resources of its own.
type server struct {
	aws  aws.Config
	made atomic.Int32
}

func (s *server) name() string { return fmt.Sprintf("people-%d", s.made.Add(1)) }

func TestBusesOfAWS(t *testing.T) {
	s := &server{aws: harness.Start(t, moto.Start).Config()}
	for name, open := range map[string]bustest.Open{
		"eventbridge":  s.eventBridge,
		"sns":          func(t *testing.T) bustest.Bus { return s.sns(t, "") },
		"sns fifo":     func(t *testing.T) bustest.Bus { return s.sns(t, ".fifo") },
		"sqs":          func(t *testing.T) bustest.Bus { return s.sqs(t, "") },
		"sqs fifo":     func(t *testing.T) bustest.Bus { return s.sqs(t, ".fifo") },
		"kinesis":      func(t *testing.T) bustest.Bus { return s.kinesis(t, "") },
		"kinesis ARN":  func(t *testing.T) bustest.Bus { return s.kinesis(t, arn("kinesis", "stream/")) },
		"firehose":     func(t *testing.T) bustest.Bus { return s.firehose(t, "") },
		"firehose ARN": func(t *testing.T) bustest.Bus { return s.firehose(t, arn("firehose", "deliverystream/")) },
	} {
		t.Run(name, func(t *testing.T) { bustest.RunServer(t, open) })
	}
}

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + cloud.Region + ":" + cloud.Account + ":" + resource
}

// quiet is how long a reader that has less than it wants waits for more.
const quiet = 2 * time.Second

// reader returns a bus's Receive over read, which returns what is new: it reads
// until there is as much as wanted or nothing has come for a while.
func reader(read func(context.Context) ([][]byte, error)) func(context.Context, int) ([][]byte, error) {
	var all [][]byte
	return func(ctx context.Context, want int) ([][]byte, error) {
		for last := time.Now(); ; {
			more, err := read(ctx)
			if err != nil {
				return nil, err
			}
			if all = append(all, more...); len(more) > 0 {
				last = time.Now()
				continue // until it is empty: there may be too many
			}
			if len(all) >= want || time.Since(last) > quiet {
				return all, nil
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
}

// queue makes a queue and returns its reader, which takes the message out of a body.
func (s *server) queue(t *testing.T, suffix string, open func([]byte) ([]byte, error)) (*cloud.Queue, func(context.Context, int) ([][]byte, error)) {
	t.Helper()
	queue, err := cloud.CreateQueue(t.Context(), s.aws, s.name()+suffix)
	if err != nil {
		t.Fatal(err)
	}
	return queue, reader(func(ctx context.Context) ([][]byte, error) {
		bodies, err := queue.Receive(ctx)
		for i := range bodies {
			if err == nil {
				bodies[i], err = open(bodies[i])
			}
		}
		return bodies, err
	})
}

func whole(body []byte) ([]byte, error) { return body, nil }
