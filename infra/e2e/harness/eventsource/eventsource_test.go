package eventsource_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/eventsource"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
)

func TestMessagesLeaveTheQueueOnlyIfTheAnswerDoesNotKeepThem(t *testing.T) {
	server := harness.Start(t, moto.Start)
	keep := func(ids ...string) lambdahost.Result {
		answer := events.SQSEventResponse{}
		for _, id := range ids {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
		}
		payload, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		return lambdahost.Result{Payload: payload}
	}
	for name, c := range map[string]struct {
		answer func(ids []string) (lambdahost.Result, error)
		stay   []string
	}{
		"nothing is kept":      {func([]string) (lambdahost.Result, error) { return keep(), nil }, nil},
		"an answer of null":    {func([]string) (lambdahost.Result, error) { return lambdahost.Result{Payload: []byte("null")}, nil }, nil},
		"the last two":         {func(ids []string) (lambdahost.Result, error) { return keep(ids[1:]...), nil }, []string{"b", "c"}},
		"a message of nobody":  {func([]string) (lambdahost.Result, error) { return keep("nobody"), nil }, []string{"a", "b", "c"}},
		"an empty id":          {func([]string) (lambdahost.Result, error) { return keep(""), nil }, []string{"a", "b", "c"}},
		"no JSON":              {func([]string) (lambdahost.Result, error) { return lambdahost.Result{Payload: []byte("x")}, nil }, []string{"a", "b", "c"}},
		"a failure":            {func([]string) (lambdahost.Result, error) { return lambdahost.Result{ErrorType: "Sink.Failed"}, nil }, []string{"a", "b", "c"}},
		"a process that ended": {func([]string) (lambdahost.Result, error) { return lambdahost.Result{}, errors.New("gone") }, []string{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			queue, err := cloud.CreateQueue(t.Context(), server.Config(), "messages.fifo")
			if err != nil {
				t.Fatal(err)
			}
			for _, body := range []string{"a", "b", "c"} {
				if err := queue.Send(t.Context(), body, "group", body); err != nil {
					t.Fatal(err)
				}
			}
			mapping := eventsource.Mapping{Queue: queue, Invoke: func(_ context.Context, payload []byte) (lambdahost.Result, error) {
				var event events.SQSEvent
				if err := json.Unmarshal(payload, &event); err != nil {
					return lambdahost.Result{}, err
				}
				var ids []string
				for _, r := range event.Records {
					ids = append(ids, r.MessageId)
					if r.Attributes["MessageGroupId"] != "group" || r.EventSource != "aws:sqs" || r.EventSourceARN != queue.ARN {
						t.Errorf("a record is %+v", r)
					}
				}
				return c.answer(ids)
			}}
			batch, err := mapping.Next(t.Context())
			if err != nil || batch.Deleted != 3-len(c.stay) || batch.Kept != len(c.stay) {
				t.Errorf("%+v, %v", batch, err)
			}
			bodies, err := queue.Drain(t.Context())
			var left []string
			for _, body := range bodies {
				left = append(left, string(body))
			}
			if diff := cmp.Diff(c.stay, left); err != nil || diff != "" {
				t.Errorf("%v; what is left:\n%s", err, diff)
			}
			if batch, err := mapping.Next(t.Context()); err != nil || batch.Deleted+batch.Kept != 0 {
				t.Errorf("an empty queue gives %+v, %v", batch, err)
			}
			if err := queue.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
