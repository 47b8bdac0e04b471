// Package lambdahost runs a built Lambda function as Lambda runs it: it serves
// the Runtime API and the Extensions API on loopback, starts the bootstrap in an
// environment of its own, hands it invocations, and ends it by SIGTERM where it
// registered for that and by SIGKILL where it did not, or was too slow.
//
// Sources: the Lambda developer guide's "Runtime API", "Extensions API" and
// "Lambda execution environment lifecycle".
package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

const (
	// initLimit is how long Lambda waits for the first poll of a function.
	initLimit = 10 * time.Second
	// shutdownGrace is the time between SIGTERM and SIGKILL for a function with
	// nothing but internal extensions.
	shutdownGrace = 500 * time.Millisecond
	// functionName and region go into the environment and the function's ARN.
	functionName = "rollcall-e2e"
	region       = "eu-west-1"
)

// Config says what to run.
type Config struct {
	// Bootstrap is the path of the built binary.
	Bootstrap string
	// Env are variables, NAME=value, besides those that Lambda sets. Nothing of
	// the test's own environment is handed on.
	Env []string
	// Timeout is the function's time limit for one invocation. Default 30 s.
	Timeout time.Duration
	// LogLevel is the function's ApplicationLogLevel, "" for none.
	LogLevel string
	// Trace is the trace of AWS X-Ray that invocations are part of. Default: one that is not
	// sampled.
	Trace string
}

// Host is one execution environment with its one process.
type Host struct {
	timeout   time.Duration
	logLevel  string
	server    *http.Server
	process   *process.Command
	output    process.Output
	trace     string
	started   time.Time
	queue     chan *invocation
	polled    chan struct{} // closed at the first poll
	exited    chan struct{} // closed when the process has ended
	closeOnce sync.Once

	mu         sync.Mutex
	toPoll     time.Duration
	current    *invocation
	initFault  *Result
	extensions map[string]bool
}

// InitError reports that the process ended, or Lambda's limit passed, before
// the function asked for its first invocation.
type InitError struct {
	// Result is what the function posted to the init error endpoint, if it did.
	Result *Result
	// Output is what it had written to stdout and stderr.
	Output string
	// Err is the reason.
	Err error
}

// Error gives the reason and the output.
func (e *InitError) Error() string {
	return fmt.Sprintf("the function did not come up: %v; its output:\n%s", e.Err, e.Output)
}

// Unwrap returns the reason.
func (e *InitError) Unwrap() error { return e.Err }

// Start runs the function and returns once it has asked for its first
// invocation. Otherwise the error is an *InitError. The caller closes the Host.
func (cfg Config) Start(ctx context.Context) (*Host, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Runtime API: %w", err)
	}
	h := &Host{
		timeout:    cfg.Timeout,
		trace:      cfg.Trace,
		logLevel:   cfg.LogLevel,
		queue:      make(chan *invocation),
		polled:     make(chan struct{}),
		exited:     make(chan struct{}),
		extensions: map[string]bool{},
	}
	h.server = &http.Server{Handler: h.api(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.server.Serve(listener) }()

	// The process outlives ctx, which bounds only the start; Close ends it.
	h.process = process.NewCommand(context.WithoutCancel(ctx), cfg.Bootstrap)
	h.process.Env = append(environment(listener.Addr().String(), cfg.Timeout), cfg.Env...)
	if cfg.LogLevel != "" {
		h.process.Env = append(h.process.Env, "AWS_LAMBDA_LOG_LEVEL="+cfg.LogLevel)
	}
	h.process.Stdout, h.process.Stderr = &h.output, &h.output
	h.process.WaitDelay = time.Second
	if err := h.run(); err != nil {
		_ = h.server.Close()
		return nil, fmt.Errorf("start the bootstrap: %w", err)
	}
	go func() {
		_ = h.process.Wait()
		close(h.exited)
	}()
	if err := h.awaitPoll(ctx); err != nil {
		h.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		return nil, &InitError{Result: h.initFault, Output: h.Output(), Err: err}
	}
	return h, nil
}

func (h *Host) run() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.started = time.Now()
	return h.process.Start()
}

func (h *Host) awaitPoll(ctx context.Context) error {
	limit := time.NewTimer(initLimit)
	defer limit.Stop()
	select {
	case <-h.polled:
		return nil
	case <-h.exited:
		return fmt.Errorf("it ended: %s", h.process.ProcessState)
	case <-limit.C:
		return fmt.Errorf("no poll within %s", initLimit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// environment is what Lambda sets for a function on an OS-only runtime.
func environment(api string, timeout time.Duration) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + functionName,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_FUNCTION_TIMEOUT=" + fmt.Sprint(int(timeout.Seconds())),
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + functionName,
		"AWS_LAMBDA_LOG_STREAM_NAME=e2e",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=e2e",
		"AWS_SECRET_ACCESS_KEY=e2e/s3cret-key-of-a-role-that-no-log.may.contain",
		"AWS_SESSION_TOKEN=e2e/s3ssion-token-of-a-role-that-no-log.may.contain",
		"_HANDLER=bootstrap",
		"LAMBDA_TASK_ROOT=/var/task",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}
}

// ToFirstPoll is the time from the start of the process to its first request
// for an invocation: the part of a cold start that is the function's own.
func (h *Host) ToFirstPoll() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.toPoll
}

// PID is the id of the function's process.
func (h *Host) PID() int { return h.process.Process.Pid }

// Output is what the function has written to stdout and stderr so far, as far as Lambda
// delivers it.
func (h *Host) Output() string { return delivered(h.output.String(), h.logLevel) }

// Close ends the environment as Lambda does and waits for the process to be
// gone. It may be called more than once.
func (h *Host) Close() {
	h.closeOnce.Do(func() {
		h.mu.Lock()
		graceful := len(h.extensions) > 0
		h.mu.Unlock()
		if graceful {
			_ = h.process.Process.Signal(syscall.SIGTERM)
			select {
			case <-h.exited:
			case <-time.After(shutdownGrace):
			}
		}
		h.kill()
		_ = h.server.Close()
	})
}

func (h *Host) kill() {
	if err := h.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return
	}
	<-h.exited
}

// CPU is the processor time that the function's process has used.
func (h *Host) CPU() (time.Duration, error) { return process.CPU(h.PID()) }

// PeakRSS is the most memory, in bytes, that the function's process ever had
// resident.
func (h *Host) PeakRSS() (int64, error) { return process.PeakRSS(h.PID()) }
