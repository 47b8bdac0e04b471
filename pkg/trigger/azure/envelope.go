package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// maxEnvelope is the size of an invocation that is read. A queue's message has 64 KiB, and
// no body of a request that is taken more than 1 MiB, which may be six times as large here.
const maxEnvelope = 8 << 20

// invocation is what the host sends for a trigger: its data by the name of its binding, and
// what else the host knows of it.
type invocation struct {
	Data     map[string]json.RawMessage
	Metadata map[string]json.RawMessage

	// keyed says that the host asks the callers of the function for a key.
	keyed bool
}

var errEnvelope = errors.New("the invocation is not of the form {\"Data\":{...},\"Metadata\":{...}} with one member in Data")

// receive reads an invocation.
func receive(w http.ResponseWriter, r *http.Request) (*invocation, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEnvelope))
	if err != nil {
		return nil, fmt.Errorf("read the invocation: %w", err)
	}
	return decode(text)
}

// decode reads an invocation. The functions have no inputs besides their triggers.
func decode(text []byte) (*invocation, error) {
	var in invocation
	if json.Unmarshal(text, &in) != nil || len(in.Data) != 1 {
		return nil, errEnvelope
	}
	return &in, nil
}

// data returns the trigger's data.
func (in *invocation) data() json.RawMessage {
	for _, value := range in.Data {
		return value
	}
	return nil
}

// maxNested is how often the host may have encoded a text as JSON: a message of a queue that
// is a JSON string itself is one within one within one.
const maxNested = 3

// plain takes a value out of the strings that it was encoded in: the host sends an object as
// it is, and everything else as text.
func plain(value json.RawMessage) []byte {
	value = bytes.TrimSpace(value)
	for range maxNested {
		var text string
		if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &text) != nil {
			break
		}
		value = bytes.TrimSpace([]byte(text))
	}
	return value
}

// number returns a number of the metadata, 0 if it has none.
func (in *invocation) number(name string) int {
	var n int
	if json.Unmarshal(plain(in.Metadata[name]), &n) != nil {
		return 0
	}
	return n
}

// reply is what the host is answered: the values of the output bindings by name.
type reply struct {
	Outputs     map[string]any
	Logs        []string
	ReturnValue any
}

// write answers the host. All three members are there, whatever there is to say.
func write(w http.ResponseWriter, status int, answer *reply) {
	if answer.Outputs == nil {
		answer.Outputs = map[string]any{}
	}
	if answer.Logs == nil {
		answer.Logs = []string{}
	}
	body, err := json.Marshal(answer)
	if err != nil { // which no output can cause
		status, body = http.StatusInternalServerError, []byte(`{"Outputs":{},"Logs":[],"ReturnValue":null}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// outbox keeps the messages of an invocation for the queues that its output bindings name.
type outbox struct {
	mu       sync.Mutex
	messages map[string][]string
}

type outboxKey struct{}

func withOutbox(ctx context.Context) (context.Context, *outbox) {
	o := &outbox{messages: map[string][]string{}}
	return context.WithValue(ctx, outboxKey{}, o), o
}

// Put adds a message for the queue of an output binding of the function that ctx is an
// invocation of. The host writes it once the function has answered; if it cannot, the
// invocation has failed.
func Put(ctx context.Context, binding, message string) error {
	o, _ := ctx.Value(outboxKey{}).(*outbox)
	if o == nil {
		return errors.New("there is no queue to write to: the function needs an output binding of the type queue besides the one of the type http in function.json")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages[binding] = append(o.messages[binding], message)
	return nil
}

// addTo adds the messages to what the host is answered: a list each, since the host would
// take a single text for base64 where it happens to be that.
func (o *outbox) addTo(outputs map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for binding, messages := range o.messages {
		outputs[binding] = messages
	}
}
