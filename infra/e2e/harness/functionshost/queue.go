package functionshost

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
)

// checkQueues checks that there is storage for the bindings of queues, and that the app
// settings of their connections lead there.
func (cfg Config) checkQueues(a *app) error {
	env, err := environ(cfg.Env)
	if err != nil {
		return err
	}
	for _, fn := range a.functions {
		for _, b := range append(fn.outputs[:len(fn.outputs):len(fn.outputs)], fn.trigger) {
			if b.QueueName == "" {
				continue
			}
			if cfg.Queues == nil {
				return fmt.Errorf("function %s: binding %q needs a queue: set Config.Queues", fn.name, b.Name)
			}
			if !connected(env, b.Connection, cfg.Queues.URL) {
				return fmt.Errorf("function %s: binding %q: no app setting %[3]s, %[3]s__queueServiceUri or %[3]s__accountName leads to Config.Queues, %[4]s",
					fn.name, b.Name, b.Connection, cfg.Queues.URL)
			}
		}
	}
	return nil
}

func connected(env map[string]string, connection, url string) bool {
	for _, name := range []string{connection, "AzureWebJobs" + connection} {
		if env[name+"__accountName"] == path.Base(url) || strings.TrimSuffix(env[name+"__queueServiceUri"], "/") == url ||
			strings.Contains(env[name], "QueueEndpoint="+url) {
			return true
		}
	}
	return false
}

// listen polls the queues of all triggers.
func (h *Host) listen() {
	for _, fn := range h.app.functions {
		if fn.trigger.Type == "queueTrigger" && !fn.disabled {
			h.tasks.Go(func() { h.poll(fn) })
		}
	}
}

// poll takes a batch of messages whenever no more than the threshold are being handled.
func (h *Host) poll(fn *function) {
	limits := h.app.queues
	running := make(chan struct{}, limits.batch+limits.threshold)
	done := make(chan struct{}, 1)
	for h.polling.Err() == nil {
		if len(running) <= limits.threshold {
			// Not until polling ends: messages may have been leased that nobody would handle.
			messages, err := h.cfg.Queues.Lease(h.live, fn.trigger.QueueName, limits.batch, h.cfg.Lease)
			var status *azurite.StatusError
			if err != nil && h.live.Err() == nil && (!errors.As(err, &status) || status.Status != http.StatusNotFound) {
				h.journal.log(Error, "host", "Queue %s: %v", fn.trigger.QueueName, err)
			}
			for _, m := range messages {
				running <- struct{}{}
				h.tasks.Go(func() {
					h.handle(fn, m)
					<-running
					select {
					case done <- struct{}{}:
					default:
					}
				})
			}
			if len(messages) > 0 {
				continue
			}
		}
		select {
		case <-done:
		case <-time.After(h.cfg.Poll):
		case <-h.polling.Done():
		}
	}
}

// handle runs a function for one message, and deletes it, releases it, or moves it to the
// poison queue.
func (h *Host) handle(fn *function, m azurite.Message) {
	queue, limits := fn.trigger.QueueName, h.app.queues
	text, err := h.text(m)
	if err != nil || m.DequeueCount > limits.most {
		h.poison(queue, m, err)
		return
	}
	lease := h.renew(queue, m)
	record := h.invoke(h.calls, fn, func(ctx context.Context, r *run) error {
		r.record.Message, r.record.DequeueCount = m.ID, m.DequeueCount
		data, err := doubly(text)
		if err != nil {
			return err
		}
		metadata, err := messageMetadata(m, text)
		if err != nil {
			return err
		}
		_, err = r.envelope(ctx, map[string]any{fn.trigger.Name: data}, metadata)
		return err
	})
	m = lease.release()
	switch {
	case errors.Is(record.Err, errDown): // the message comes again, as when the host is closed and live has ended
	case record.Err == nil:
		err = h.cfg.Queues.Delete(h.live, queue, m)
	case m.DequeueCount >= limits.most:
		h.poison(queue, m, record.Err)
	default:
		_, err = h.cfg.Queues.Extend(h.live, queue, m, limits.retry)
	}
	if err != nil && h.live.Err() == nil {
		h.journal.log(Error, "host", "Queue %s: message %s: %v", queue, m.ID, err)
	}
}

// text is the message as it was before it was encoded.
func (h *Host) text(m azurite.Message) (string, error) {
	if !h.app.queues.base64 {
		return m.Text, nil
	}
	text, err := base64.StdEncoding.DecodeString(m.Text)
	if err != nil {
		return "", fmt.Errorf("its text is not in base64, as extensions.queues.messageEncoding says: %w", err)
	}
	return strings.ToValidUTF8(string(text), "\ufffd"), nil
}

// poison moves a message to the queue of those that were given up.
func (h *Host) poison(queue string, m azurite.Message, cause error) {
	h.journal.log(Error, "host", "Queue %s: message %s was received %d times and is moved to %s-poison: %v", queue, m.ID, m.DequeueCount, queue, cause)
	err := h.cfg.Queues.CreateQueue(h.live, queue+"-poison")
	if err == nil {
		err = h.cfg.Queues.Send(h.live, queue+"-poison", m.Text)
	}
	if err == nil {
		err = h.cfg.Queues.Delete(h.live, queue, m)
	}
	if err != nil && h.live.Err() == nil {
		h.journal.log(Error, "host", "Queue %s: message %s: %v", queue, m.ID, err)
	}
}

// lease keeps a message hidden while it is handled.
type lease struct {
	message azurite.Message
	end     chan struct{}
	ended   sync.WaitGroup
}

// renew extends the lease of a message at each half of it, until it is released.
func (h *Host) renew(queue string, m azurite.Message) *lease {
	l := &lease{message: m, end: make(chan struct{})}
	l.ended.Go(func() {
		ticker := time.NewTicker(h.cfg.Lease / 2)
		defer ticker.Stop()
		for {
			select {
			case <-l.end:
				return
			case <-h.live.Done():
				return
			case <-ticker.C:
			}
			extended, err := h.cfg.Queues.Extend(h.live, queue, l.message, h.cfg.Lease)
			if err != nil {
				h.journal.log(Error, "host", "Queue %s: message %s: the lease was not renewed: %v", queue, m.ID, err)
				return
			}
			l.message = extended
		}
	})
	return l
}

// release ends the renewals and returns the message with its last receipt.
func (l *lease) release() azurite.Message {
	close(l.end)
	l.ended.Wait()
	return l.message
}

// messageMetadata is what is known of a message: the queue's properties, and the members
// of a message that is an object, which replace those of the same name.
func messageMetadata(m azurite.Message, text string) (map[string]any, error) {
	metadata := map[string]any{}
	for name, value := range map[string]any{"DequeueCount": m.DequeueCount, "Id": m.ID, "PopReceipt": m.Receipt} {
		encoded, err := doubly(value)
		if err != nil {
			return nil, err
		}
		metadata[name] = encoded
	}
	for name, value := range map[string]string{"InsertionTime": m.Inserted, "ExpirationTime": m.Expires, "NextVisibleTime": m.NextVisible} {
		at, err := http.ParseTime(value)
		if err != nil {
			return nil, fmt.Errorf("%s of a message: %w", name, err)
		}
		metadata[name] = at.UTC().Format("2006-01-02T15:04:05+00:00")
	}
	var members map[string]json.RawMessage
	if isJSON(text) {
		_ = json.Unmarshal([]byte(text), &members) // what is no object has none
	}
	for name, value := range members {
		if err := member(metadata, name, value); err != nil {
			return nil, err
		}
	}
	return metadata, nil
}

// member adds one of a message's. Arrays and null are left out, and names that end in
// "trigger"; objects stay objects, and all else becomes a text.
func member(metadata map[string]any, name string, value json.RawMessage) error {
	if value[0] == '[' || string(value) == "null" || strings.HasSuffix(strings.ToLower(name), "trigger") {
		return nil
	}
	for known := range metadata {
		if strings.EqualFold(known, name) {
			name = known
		}
	}
	if value[0] == '{' {
		metadata[name] = value
		return nil
	}
	text, err := plain(value)
	if err != nil {
		return err
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && value[0] == '"' { // Newtonsoft takes it for a date
		text = at.UTC().Format("01/02/2006 15:04:05")
	}
	metadata[name], err = doubly(text)
	return err
}
