package functionshost

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// answer is what a caller over HTTP gets.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// bind sends what a reply has for queues and returns what it has for the caller.
func (r *run) bind(ctx context.Context, reply *reply) (*answer, error) {
	found := &answer{status: http.StatusNoContent, header: http.Header{}}
	for _, b := range r.function.outputs {
		value := reply.Outputs[b.Name]
		if b.Name == returned {
			value = reply.ReturnValue
		}
		if string(value) == "null" {
			value = nil
		}
		var err error
		switch {
		case b.Type == "http":
			found, err = r.answer(b, value)
		case value != nil:
			err = r.send(ctx, b, value)
		}
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", b.Name, err)
		}
	}
	return found, nil
}

// object is the value of an HTTP output.
type object struct {
	StatusCode json.RawMessage            `json:"statusCode"`
	Status     json.RawMessage            `json:"status"`
	Headers    map[string]json.RawMessage `json:"headers"`
	Body       json.RawMessage            `json:"body"`
}

// answer makes a response of the value of an HTTP output.
func (r *run) answer(b *binding, value json.RawMessage) (*answer, error) {
	if value == nil && !r.host.cfg.Lenient {
		return nil, errors.New("it is missing (Azure answers 200 without a body)")
	}
	if b.Name == returned && bytes.HasPrefix(value, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, err
		}
		if raw := unmask(text, b.DataType); string(raw) != text || !isJSON(text) {
			return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, body: raw}, nil
		}
		value = json.RawMessage(text)
	}
	var o object
	if value != nil {
		if err := r.decode(value, &o); err != nil {
			return nil, fmt.Errorf("it is not {statusCode, headers, body}: %w", err)
		}
	}
	return r.compose(b, o)
}

func (r *run) compose(b *binding, o object) (*answer, error) {
	a := &answer{status: http.StatusOK, header: http.Header{}}
	status := string(bytes.Trim(o.StatusCode, `"`))
	if len(o.StatusCode) == 0 && b.Name == returned { // elsewhere the host does not come to it
		status = string(bytes.Trim(o.Status, `"`))
	}
	switch code, err := strconv.Atoi(status); {
	case err == nil && code >= 200 && code <= 999:
		a.status = code
	case r.host.cfg.Lenient:
	default:
		return nil, fmt.Errorf("statusCode is %q (Azure answers 200)", status)
	}
	for name, value := range o.Headers {
		text, err := plain(value)
		if err != nil || !json.Valid(value) || bytes.ContainsAny(value[:1], "{[n") {
			return nil, fmt.Errorf("header %q is not a string", name)
		}
		if a.header.Values(name) == nil { // the host takes the first
			a.header.Set(name, text)
		}
	}
	body, err := plain(o.Body)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if a.body = []byte(body); a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	return a, nil
}

// plain is a JSON value as .NET's ToString has it: the text of a string, objects and arrays
// with an indent.
func plain(value json.RawMessage) (string, error) {
	switch text := string(value); {
	case text == "" || text == "null":
		return "", nil
	case text == "true" || text == "false":
		return strings.ToUpper(text[:1]) + text[1:], nil
	case text[0] == '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	case text[0] == '{' || text[0] == '[':
		var indented bytes.Buffer
		err := json.Indent(&indented, value, "", "  ")
		return indented.String(), err
	default:
		return text, nil
	}
}

// isJSON reports whether the host takes a text for JSON: it looks at both ends only.
func isJSON(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") || strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]")
}

// send puts the value of an output into its queue: an array is a message an item.
func (r *run) send(ctx context.Context, b *binding, value json.RawMessage) error {
	messages, err := divide(value, b.DataType)
	if err != nil {
		return err
	}
	queues := r.host.cfg.Queues
	if err := queues.CreateQueue(ctx, b.QueueName); err != nil {
		return err
	}
	if r.record.Sent == nil {
		r.record.Sent = map[string][]string{}
	}
	for _, message := range messages {
		text := message
		if r.host.app.queues.base64 {
			text = base64.StdEncoding.EncodeToString([]byte(message))
		}
		if err := queues.Send(ctx, b.QueueName, text); err != nil {
			return err
		}
		r.record.Sent[b.Name] = append(r.record.Sent[b.Name], message)
	}
	return nil
}

// divide makes messages of the value of an output.
func divide(value json.RawMessage, dataType string) ([]string, error) {
	if bytes.HasPrefix(value, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, err
		}
		raw := unmask(text, dataType)
		if string(raw) != text || !isJSON(text) {
			return []string{string(raw)}, nil
		}
		if value = json.RawMessage(strings.TrimSpace(text)); !json.Valid(value) {
			return nil, errors.New("the text looks like JSON, and is not")
		}
	}
	items := []json.RawMessage{value}
	if bytes.HasPrefix(value, []byte("[")) {
		if err := json.Unmarshal(value, &items); err != nil {
			return nil, err
		}
	}
	messages := make([]string, len(items))
	var errs []error
	for i, item := range items {
		var err error
		messages[i], err = plain(item)
		errs = append(errs, err)
	}
	return messages, errors.Join(slices.Clip(errs)...)
}
