package azure_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

const invocation = "0d1e2f3a-4b5c-4d6e-8f70-0123456789ab"

// folder is a function app's: the content of its files by path.
type folder map[string]string

const (
	keyed     = `{"bindings":[{"type":"httpTrigger","name":"req","authLevel":"function"},{"type":"http","name":"res"}]}`
	anonymous = `{"bindings":[{"type":"httpTrigger","name":"req","authLevel":"anonymous"},{"type":"http","name":"res"}]}`
	queued    = `{"bindings":[{"type":"queueTrigger","name":"job"},{"type":"queue","name":"next"}]}`
)

// write writes the files, and returns the folder.
func (f folder) write(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range f {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// app is a function app under test, and its log.
type app struct {
	http.Handler
	log *bytes.Buffer
}

func logger() (*slog.Logger, *bytes.Buffer) {
	var log bytes.Buffer
	return telemetry.New(&log, telemetry.Options{}), &log
}

// open opens an app whose functions have a function.json each.
func open(t *testing.T, s azure.Settings, files folder, functions func(*slog.Logger) map[string]azure.Function) *app {
	t.Helper()
	log, text := logger()
	if _, found := files["host.json"]; !found {
		files["host.json"] = `{}`
	}
	s.Root = files.write(t)
	h, err := (&azure.App{Settings: s, Functions: functions(log), Log: log}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return &app{h, text}
}

// answer is what the host is answered.
type answer struct {
	status  int
	Outputs map[string]json.RawMessage
	Logs    []string
	Return  any `json:"ReturnValue"`
}

// invoke invokes a function, and checks the form of the answer.
func (a *app) invoke(t *testing.T, name, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:4711/"+name, strings.NewReader(body))
	r.Header.Set("X-Azure-Functions-InvocationId", invocation)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	got := answer{status: w.Code}
	var members map[string]json.RawMessage
	if json.Unmarshal(w.Body.Bytes(), &members) != nil || json.Unmarshal(w.Body.Bytes(), &got) != nil {
		t.Fatalf("%s is answered with %d %q", name, w.Code, w.Body)
	}
	for _, member := range []string{"Outputs", "Logs", "ReturnValue"} {
		if _, found := members[member]; !found || got.Outputs == nil || got.Logs == nil {
			t.Fatalf("%s is missing in %s", member, w.Body)
		}
	}
	if w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%v", w.Header())
	}
	return got
}

// messages returns those for an output binding.
func (a answer) messages(t *testing.T, binding string) []string {
	t.Helper()
	var all []string
	if value := a.Outputs[binding]; value != nil {
		if err := json.Unmarshal(value, &all); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
	return all
}

// response is the value of an http output binding.
type response struct {
	StatusCode string            `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

func (a answer) response(t *testing.T) response {
	t.Helper()
	var r response
	d := json.NewDecoder(bytes.NewReader(a.Outputs["res"]))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v: %s", err, a.Outputs["res"])
	}
	return r
}

// envelope is the host's body for a trigger's data.
func envelope(t *testing.T, data any, metadata map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Data": map[string]any{"trigger": data}, "Metadata": metadata})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// text is a value as the host sends one that is no object: as a text with its JSON.
func text(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func drain(r io.Reader) string {
	text, _ := io.ReadAll(r)
	return string(text)
}
