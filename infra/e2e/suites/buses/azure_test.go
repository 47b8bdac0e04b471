package buses_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azqueue"
	"github.com/rollcall-dev/rollcall/pkg/bus/azurebus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

// queues is the Azurite that all tests share; each has a queue of its own.
type queues struct {
	*azurite.Queues

	made atomic.Int32
}

// driver returns the driver of a queue that may not be there.
func (q *queues) driver(t *testing.T, name, encoding string) bus.Driver {
	t.Helper()
	d, err := azqueue.New(azqueue.Config{
		Account: azurite.Account, Name: name, Endpoint: q.URL, Encoding: encoding,
		Access: azurebus.Access{Credential: identity.Credential{}, Options: policy.ClientOptions{Transport: q.Client()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (q *queues) open(encoding string, decode func(string) ([]byte, error)) bustest.Open {
	return func(t *testing.T) bustest.Bus {
		name := fmt.Sprintf("people-%d", q.made.Add(1))
		if err := q.CreateQueue(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		return bustest.Bus{Driver: q.driver(t, name, encoding), Receive: reader(func(ctx context.Context) ([][]byte, error) {
			messages, err := q.Receive(ctx, name)
			var events [][]byte
			for _, m := range messages {
				event, broken := decode(m.Text)
				events, err = append(events, event), errors.Join(err, broken)
			}
			return events, err
		})}
	}
}

func TestQueuesOfAzureStorage(t *testing.T) {
	q := &queues{Queues: harness.Start(t, azurite.StartQueues)}
	for encoding, decode := range map[string]func(string) ([]byte, error){
		"base64": base64.StdEncoding.DecodeString,
		"text":   func(text string) ([]byte, error) { return []byte(text), nil },
	} {
		t.Run(encoding, func(t *testing.T) { bustest.RunServer(t, q.open(encoding, decode)) })
	}
	t.Run("a message of the size of the limit, which never expires", func(t *testing.T) {
		if err := q.CreateQueue(t.Context(), "large"); err != nil {
			t.Fatal(err)
		}
		d := q.driver(t, "large", "")
		e := bustest.User(1, d.Limits().EntryBytes-500)
		_, size, err := d.Append(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		e.ID += strings.Repeat("x", d.Limits().EntryBytes-size)
		text, _, err := d.Append(nil, e)
		if err == nil {
			_, err = d.Send(t.Context(), []bus.Entry{{Body: text}})
		}
		if err != nil {
			t.Fatal(err)
		}
		messages, err := q.Receive(t.Context(), "large")
		if err != nil || len(messages) != 1 || len(messages[0].Text) != 64<<10 || !strings.Contains(messages[0].Expires, " 9999 ") {
			t.Errorf("%d messages: %v", len(messages), err)
		}
	})
	t.Run("a queue that is tried gets no message", func(t *testing.T) {
		if err := q.CreateQueue(t.Context(), "tried"); err != nil {
			t.Fatal(err)
		}
		if err := q.driver(t, "tried", "").(*azurebus.Driver).Probe(t.Context()); err != nil {
			t.Error(err)
		}
		if messages, err := q.Receive(t.Context(), "tried"); err != nil || len(messages) > 0 {
			t.Errorf("%d messages, %v", len(messages), err)
		}
		if err := q.driver(t, "nobody", "").(*azurebus.Driver).Probe(t.Context()); err == nil {
			t.Error("a queue that is not there can be sent to")
		}
	})
	t.Run("a queue that is not there", func(t *testing.T) {
		_, err := q.driver(t, "nobody", "").Send(t.Context(), []bus.Entry{{Body: []byte("e30=")}})
		var refusal *bus.Refusal
		if !errors.As(err, &refusal) || refusal.Code != "QueueNotFound" || refusal.Retry || !strings.Contains(refusal.Remedy, "--name nobody") {
			t.Errorf("%v", err)
		}
	})
}
