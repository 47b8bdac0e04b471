// Package functionshost runs a function app with a custom handler as Azure Functions runs
// it. It reads the folder that is deployed (host.json, */function.json and the handler),
// starts the handler in an environment of its own, and is its triggers: HTTP on loopback,
// timers that a test fires, and queues of a real Azurite.
//
//	host := harness.Start(t, functionshost.Config{
//		Folder: folder, Env: []string{"ROLLCALL_SINKS=..."}, Queues: queues,
//	}.Start)
//	response, err := http.Get(host.URL + "/api/users")      // HTTP, in the mode of host.json
//	record, err := host.Fire(ctx, "snapshot")               // a timer; err is the invocation's
//	err = queues.Send(ctx, "work", base64Text)              // a queue
//	record, err = host.Wait(ctx, func(r functionshost.Record) bool { return r.Function == "worker" })
//	host.Kill()                                             // SIGKILL; the host starts the handler again
//
// Config.Begun is called when an invocation begins, with its number, for tests that do
// something at the n-th. Host.Close ends host and handler at once, as when an instance is
// lost: a message that was being handled comes again when its lease has ended. Host.Stop
// lets invocations end first. Host.Records and Host.Lines tell what happened; FunctionKey
// and MasterKey are the keys of every app.
//
// Replies are checked against the contract, and one that does not conform fails the
// invocation. That is the real host's behaviour for most rules. For some (an output that
// is not declared, a member with a misspelled name, an HTTP output that is missing) the real
// host says nothing and goes on with less than was meant; Config.Lenient does the same.
//
// What is different from Azure: queues are polled at a fixed interval, an empty reply fails
// at once and not at functionTimeout, and nothing scales.
//
// Sources: the source of Azure/azure-functions-host (Workers/Http, Extensions, Binding/Http,
// WebHost/Middleware), of the Storage extension for queues, and the guide "Azure Functions
// custom handlers".
package functionshost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// version is the host's own, in headers and in the environment.
const version = "4.1045.200.25556"

// Config says what to run.
type Config struct {
	// Folder is the app as it is deployed.
	Folder string
	// Env are the app settings, NAME=value. Nothing of the test's own environment is handed
	// on. AzureFunctionsJobHost__a__b=value replaces a value of host.json.
	Env []string
	// Queues is the storage account behind the bindings of queues.
	Queues *azurite.Queues
	// Authentication is App Service's, nil for none.
	Authentication *Authentication
	// Begun is called when an invocation begins, right before the handler is called.
	Begun func(*Host, Invocation)
	// InitTimeout is how long the handler may take to listen. Default 30 s.
	InitTimeout time.Duration
	// Lease is for how long a message is hidden from others while it is handled; it is renewed
	// at half of that. Whole seconds. Default 10 minutes, as in Azure.
	Lease time.Duration
	// Poll is the time between looks at an empty queue. Default 100 ms.
	Poll time.Duration
	// RetryPause is what the host waits before it repeats a failed timer. Default as in
	// function.json.
	RetryPause time.Duration
	// Lenient takes what the real host takes without a word and drops.
	Lenient bool
}

// Host is one instance of an app.
type Host struct {
	// URL is where it listens, without a slash at the end.
	URL string

	cfg     Config
	app     *app
	worker  *worker
	journal *journal
	server  *http.Server
	client  *http.Client // to the handler
	count   atomic.Int64

	polling context.Context // until Stop or Close, or the host has given up
	stop    context.CancelFunc
	live    context.Context // until Close begins
	end     context.CancelFunc
	calls   context.Context // until Close has ended the handler
	cut     context.CancelFunc
	tasks   sync.WaitGroup // pollers and their messages
	once    sync.Once

	mu    sync.Mutex
	fired map[string]time.Time // timers
}

// StartError reports that the handler was never ready.
type StartError struct {
	Err error
	// Output is what it had written to stdout and stderr.
	Output string
}

// Error gives the reason and the output.
func (e *StartError) Error() string {
	return fmt.Sprintf("the handler did not come up: %v; its output:\n%s", e.Err, e.Output)
}

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Err }

// Start runs the app and returns once the handler listens. An error is about the app's
// folder, or a *StartError. The caller closes the Host.
func (cfg Config) Start(ctx context.Context) (*Host, error) {
	if cfg.InitTimeout <= 0 {
		cfg.InitTimeout = 30 * time.Second
	}
	if cfg.Lease <= 0 {
		cfg.Lease = 10 * time.Minute
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 100 * time.Millisecond
	}
	app, err := load(cfg.Folder, cfg.Env)
	if err != nil {
		return nil, err
	}
	if err := cfg.checkQueues(app); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	h := &Host{
		URL: "http://" + listener.Addr().String(), cfg: cfg, app: app, journal: newJournal(), client: newClient(),
		fired: map[string]time.Time{},
	}
	leak.Name("function key", FunctionKey)
	leak.Name("master key", MasterKey)
	h.calls, h.cut = context.WithCancel(context.WithoutCancel(ctx))
	h.live, h.end = context.WithCancel(h.calls)
	h.polling, h.stop = context.WithCancel(h.live)
	h.server = &http.Server{Handler: leak.Refusals("functionshost", http.HandlerFunc(h.serve)), ReadHeaderTimeout: 10 * time.Second}
	h.worker, err = startWorker(ctx, app, h.environment(listener.Addr().String()), cfg.InitTimeout, h.journal, h.stop)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { _ = h.server.Serve(listener) }()
	if err := h.worker.up(ctx); err != nil {
		h.Close()
		return nil, &StartError{Err: err, Output: h.Output()}
	}
	h.listen()
	return h, nil
}

// newClient calls the handler as the host does: no cookies, no redirects, no proxy, nothing
// decompressed. It keeps no connection, because Go would repeat a request that fails on one.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// environment is what the platform sets, and the app settings.
func (h *Host) environment(address string) []string {
	authentication := "False"
	if h.cfg.Authentication != nil {
		authentication = "True"
	}
	return append([]string{
		"FUNCTIONS_EXTENSION_VERSION=~4",
		"FUNCTIONS_WORKER_RUNTIME=custom",
		"WEBSITE_SITE_NAME=rollcall-e2e",
		"WEBSITE_HOSTNAME=" + address,
		"WEBSITE_INSTANCE_ID=e2e",
		"WEBSITE_SKU=FlexConsumption",
		"WEBSITE_AUTH_ENABLED=" + authentication,
		"HOME=/home",
		"LANG=C.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}, h.cfg.Env...)
}

// Kill ends the handler by SIGKILL, as when it runs out of memory. The host takes that for a
// fault and starts it again; at the third within half an hour it gives up.
func (h *Host) Kill() { h.worker.kill() }

// Restart ends the handler by SIGKILL and returns once a new one listens. It is no fault. A
// handler that has ended with status 0, or too often, stays ended: start another Host.
func (h *Host) Restart(ctx context.Context) error {
	h.worker.recycle(nil)
	return h.worker.up(ctx)
}

// PID is the id of the handler's process.
func (h *Host) PID() int { return h.worker.pid() }

// Output is what the handler has written to stdout and stderr so far, over all its starts.
func (h *Host) Output() string { return h.worker.output.String() }

// CPU is the processor time that the handler's process has used.
func (h *Host) CPU() (time.Duration, error) { return process.CPU(h.PID()) }

// PeakRSS is the most memory, in bytes, that the handler's process ever had resident.
func (h *Host) PeakRSS() (int64, error) { return process.PeakRSS(h.PID()) }

// Stop takes nothing new, waits until all that had begun has ended, and closes the host.
func (h *Host) Stop(ctx context.Context) error {
	h.stop()
	err := h.server.Shutdown(ctx)
	done := make(chan struct{})
	go func() {
		h.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, context.Cause(ctx))
	}
	h.Close()
	return err
}

// Close ends the host and, by SIGKILL, the handler, and waits until both are gone. Messages
// that were being handled stay in their queues. It may be called more than once.
func (h *Host) Close() {
	h.once.Do(func() {
		h.end()
		h.worker.close()
		h.cut()
		_ = h.server.Close()
		h.tasks.Wait()
	})
}
