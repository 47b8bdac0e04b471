// Package azure turns what the host of Azure Functions sends to a custom handler into
// requests for an HTTP handler or the input of a job, and their answers into what the host
// expects; one file a trigger.
//
// The host starts the handler, and calls it over HTTP on loopback: POST /<function> with the
// trigger's data in an [envelope], or, for a function that has an HTTP trigger and an HTTP
// output alone and where host.json says so, the caller's own request at its own path. Of
// everything but such a request the answer is an envelope too: the host takes an invocation
// for failed whose answer has another form.
package azure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Function answers the invocations of one function: an [HTTP], a [Timer] or a [Queue].
type Function interface {
	// invoke answers one invocation. An error is one that the host has to know of: it may
	// invoke the function once more.
	invoke(ctx context.Context, h *host, in *invocation) (*reply, error)
}

// App is a function app: what the handler answers.
type App struct {
	// Settings are what the host says.
	Settings Settings
	// Functions are the functions by name, which is that of a folder with a function.json.
	Functions map[string]Function
	// Log gets a record of each invocation that fails.
	Log *slog.Logger
}

// Serve answers the host until ctx ends, when invocations in progress have a few seconds to
// finish. It returns an error where the app cannot be served at all; what is wrong with a
// single function is the answer of that function.
func (a *App) Serve(ctx context.Context) error {
	if a.Settings.Port == 0 {
		return errors.New("FUNCTIONS_CUSTOMHANDLER_PORT is not set to a port: this program is a custom handler, which the host of Azure Functions starts; on your own machine use the rollcall command")
	}
	handler, err := a.Handler()
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(a.Settings.Port)))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("serve at FUNCTIONS_CUSTOMHANDLER_PORT: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		// Invocations outlive the signal: what they have done is told to the host.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:    slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", address, err)
	}
	return <-stopped
}

// Handler returns what answers the host. It reads host.json and the function.json of each
// function.
func (a *App) Handler() (http.Handler, error) {
	names := make([]string, 0, len(a.Functions))
	for name := range a.Functions {
		names = append(names, name)
	}
	h, err := a.Settings.open(names)
	if err != nil {
		return nil, err
	}
	return &server{app: a, host: h}, nil
}

// server answers the requests of the host.
type server struct {
	app  *App
	host *host
}

// ServeHTTP tells the host's requests apart. Callers cannot make up an invocation: a path of
// theirs begins with the prefix of routes.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if id := invocationID(r.Header); id != "" {
		ctx = telemetry.WithRequestID(ctx, id)
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch f, known := s.app.Functions[name]; {
	case strings.HasPrefix(name, s.host.RoutePrefix+"/"):
		s.forward(w, r.WithContext(ctx))
	case known && r.Method == http.MethodPost:
		s.invoke(w, r.WithContext(ctx), name, f)
	case r.Method == http.MethodPost:
		s.app.Log.ErrorContext(ctx, "the host invokes a function that this program does not have")
		write(w, http.StatusNotFound, &reply{})
	default: // the host asks whether the handler listens
		w.WriteHeader(http.StatusOK)
	}
}

// invocationID returns the host's id of the invocation, "" if there is none: it stands on
// the lines of the log, as in those of the host.
func invocationID(h http.Header) string {
	for _, name := range []string{"X-Azure-Functions-Invocationid", "X-Ms-Invocation-Id"} {
		if id := h.Get(name); guid.Valid(id) {
			return id
		}
	}
	return ""
}

// forward answers a caller's own request, which the host sends only for functions without
// other outputs than HTTP. They are one API: whoever may not call all of it is no verified
// caller.
func (s *server) forward(w http.ResponseWriter, r *http.Request) {
	var api *HTTP
	keyed := true
	for name, f := range s.app.Functions {
		if f, ok := f.(*HTTP); ok && f.Mount == "" {
			api, keyed = f, keyed && s.host.Keyed[name]
		}
	}
	if api == nil {
		http.NotFound(w, r)
		return
	}
	ctx, cancel := s.host.withDeadline(r.Context())
	defer cancel()
	api.forward(s.host, w, r.WithContext(ctx), keyed)
}

// invoke answers an invocation.
func (s *server) invoke(w http.ResponseWriter, r *http.Request, name string, f Function) {
	ctx := r.Context()
	in, err := receive(w, r)
	if err != nil {
		s.app.Log.ErrorContext(ctx, "the invocation was refused", "error", err)
		write(w, http.StatusBadRequest, &reply{})
		return
	}
	in.keyed = s.host.Keyed[name]
	ctx, cancel := s.host.withDeadline(ctx)
	defer cancel()
	answer, err := call(ctx, s.host, f, in)
	if err != nil {
		// Which is in the log already. The host asks for no more than the status.
		s.app.Log.WarnContext(ctx, "the host is told that the invocation failed", "name", failure.Of(err).Name)
		write(w, http.StatusInternalServerError, &reply{})
		return
	}
	write(w, http.StatusOK, answer)
}

// call invokes a function, and makes an error of a panic.
func call(ctx context.Context, h *host, f Function, in *invocation) (answer *reply, err error) {
	defer crash.Recover(&err)
	return f.invoke(ctx, h, in)
}
