package azure_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

func TestAnInvocationHasOneForm(t *testing.T) {
	a := open(t, azure.Settings{}, maps.Clone(both), echoing)
	for _, body := range []string{
		"", "x", "null", "[]", "7", "{}", `{"Data":null}`, `{"Data":{}}`, `{"Data":[]}`, `{"Data":{"a":{},"b":{}}}`, `{"Data":{"a":{}},"Metadata":7}`, `{"Data":{"a":{}}} x`,
		`{"Data":{"req":"` + strings.Repeat("x", 9<<20) + `"}}`,
	} {
		if got := a.invoke(t, "users", body); got.status != http.StatusBadRequest || len(got.Outputs) > 0 {
			t.Errorf("%.40s: %+v", body, got)
		}
	}
	if got := a.invoke(t, "nobody", envelope(t, 7, nil)); got.status != http.StatusNotFound {
		t.Errorf("%+v", got)
	}
	if log := a.log.String(); !strings.Contains(log, "does not have") || !strings.Contains(log, invocation) {
		t.Errorf("the log is %s", log)
	}
}

func TestTheHostsProbeIsAnswered(t *testing.T) {
	a := open(t, azure.Settings{}, maps.Clone(both), echoing)
	for _, path := range []string{"/", "/users", "/api"} {
		if w := a.forward(t, "GET", path, nil); w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

// A caller's path begins with the prefix, so that what is posted there is no invocation.
func TestACallerCannotMakeUpAnInvocation(t *testing.T) {
	a := open(t, azure.Settings{}, maps.Clone(both), echoing)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/users", strings.NewReader(envelope(t, map[string]any{"Url": "https://a.example/api/users/forged", "Method": "GET"}, nil)))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if s := seenIn(t, w.Body.String()); s.Method != "POST" || s.Path != "/users" {
		t.Errorf("%+v", s)
	}
}

func TestTheHandlerListensOnLoopbackUntilItIsStopped(t *testing.T) {
	probe, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, ok := probe.Addr().(*net.TCPAddr)
	if err := probe.Close(); err != nil || !ok {
		t.Fatal(err)
	}
	log, _ := logger()
	entered, leave := make(chan struct{}), make(chan struct{})
	files := folder{"host.json": "{}", "users/function.json": keyed}
	a := &azure.App{
		Settings: azure.Settings{Root: files.write(t), Port: azure.Port(address.Port)}, Log: log,
		Functions: map[string]azure.Function{"users": &azure.HTTP{Output: "res", Log: log, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-leave
			if r.Context().Err() == nil {
				_, _ = io.WriteString(w, "done")
			}
		})}},
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx) }()
	get := func(path string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address.String()+path, http.NoBody)
		if err != nil {
			return nil, err
		}
		return http.DefaultClient.Do(r)
	}
	for range 500 {
		if answer, err := get("/"); err == nil {
			_ = answer.Body.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	// An invocation in progress is answered still.
	body := make(chan string, 1)
	go func() {
		answer, err := get("/api/users")
		if err != nil {
			body <- err.Error()
			return
		}
		body <- drain(answer.Body)
		_ = answer.Body.Close()
	}()
	<-entered
	stop()
	close(leave)
	if got := <-body; got != "done" {
		t.Errorf("it was answered %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if answer, err := get("/"); err == nil {
		_ = answer.Body.Close()
		t.Error("it listens still")
	}
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address.String())
	if err != nil {
		t.Skip("the port is somebody else's by now")
	}
	defer func() { _ = taken.Close() }()
	if err := a.Serve(t.Context()); err == nil || errors.Is(err, http.ErrServerClosed) || !strings.Contains(err.Error(), "FUNCTIONS_CUSTOMHANDLER_PORT") {
		t.Error(err)
	}
}
