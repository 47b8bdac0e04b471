package functionshost

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// envelope calls the handler with Data and Metadata, checks its reply and sends what is
// meant for queues. It returns what is meant for the caller over HTTP, if there is one.
func (r *run) envelope(ctx context.Context, data, metadata map[string]any) (*answer, error) {
	if _, taken := metadata["sys"]; !taken { // a message with that member replaces it
		metadata["sys"] = map[string]any{
			"MethodName": r.function.name, "UtcNow": time.Now().UTC().Format("2006-01-02T15:04:05.9999999Z"), "RandGuid": uuid.NewString(),
		}
	}
	body, err := encode(map[string]any{"Data": data, "Metadata": metadata})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.host.worker.address()+"/"+r.function.name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.sign(request.Header)
	response, err := r.host.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	reply, err := r.read(response)
	if err != nil {
		return nil, err
	}
	return r.bind(ctx, reply)
}

// sign adds the host's headers to those that are there.
func (r *run) sign(head http.Header) {
	add := func(name, value, separator string) {
		head.Set(name, strings.Join(append(head.Values(name), value), separator))
	}
	add("X-Azure-Functions-HostVersion", version, ", ")
	add("X-Azure-Functions-InvocationId", r.record.ID, ", ")
	add("User-Agent", "Azure-Functions-Host/"+version, " ")
}

// encode writes JSON as Newtonsoft does, which leaves < > & as they are.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// doubly is a text or a number as binding values have it: in JSON, as a JSON string.
func doubly(value any) (string, error) {
	text, err := encode(value)
	return string(text), err
}
