package functionshost

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// reply is what a handler answers to an envelope.
type reply struct {
	Outputs     map[string]json.RawMessage
	ReturnValue json.RawMessage
	Logs        []string
}

// read checks that a response is a reply, and logs its Logs.
func (r *run) read(response *http.Response) (*reply, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("the response broke off: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, fmt.Errorf("response status code does not indicate success: %s", response.Status)
	}
	if len(body) == 0 {
		return nil, errors.New("the response is empty, where the host wants JSON with Outputs, Logs and ReturnValue (Azure waits until functionTimeout)")
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "text/json" {
		return nil, fmt.Errorf("the response's Content-Type is %q, not application/json", response.Header.Get("Content-Type"))
	}
	answer, err := r.parse(body)
	if err != nil {
		return nil, fmt.Errorf("invalid response: %w", err)
	}
	for _, line := range answer.Logs {
		r.host.journal.log(Information, r.function.name, "%s", line)
	}
	r.record.Outputs, r.record.ReturnValue, r.record.Logs = answer.Outputs, answer.ReturnValue, answer.Logs
	return answer, nil
}

// parse reads a reply and refuses outputs that no binding takes.
func (r *run) parse(body []byte) (*reply, error) {
	answer := &reply{}
	if err := r.decode(body, answer); err != nil {
		return nil, err
	}
	if string(answer.ReturnValue) == "null" {
		answer.ReturnValue = nil
	}
	// An object as ReturnValue is one more way to say outputs, unless a binding takes it.
	if r.function.output(returned) == nil && bytes.HasPrefix(answer.ReturnValue, []byte("{")) {
		if err := json.Unmarshal(answer.ReturnValue, &answer.Outputs); err != nil {
			return nil, err
		}
	}
	if r.host.cfg.Lenient {
		return answer, nil
	}
	for name := range answer.Outputs {
		if r.function.output(name) == nil || name == returned {
			return nil, fmt.Errorf("there is an output %q, which is no output of function.json", name)
		}
	}
	return answer, nil
}

// decode reads JSON whose members are those of into.
func (r *run) decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if !r.host.cfg.Lenient {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON")
	}
	if strings.TrimSpace(string(text)) == "null" {
		return errors.New("it is null")
	}
	return nil
}

// unmask is what the host makes of a text as the value of an output that is not HTTP's:
// if it is base64, it is taken for bytes, whatever it was meant to be.
func unmask(text, dataType string) []byte {
	if dataType != "binary" {
		compact := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(text)
		if bytes, err := base64.StdEncoding.DecodeString(compact); err == nil {
			return bytes
		}
	}
	return []byte(text)
}
