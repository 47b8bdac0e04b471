package lambdahost_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

// TestHost runs everything on one build of the probe, a function that misbehaves
// on demand.
func TestHost(t *testing.T) {
	binary := harness.Plain(t, "infra/e2e/harness/lambdahost/testdata/probe")
	for name, test := range map[string]func(*testing.T, string){
		"one process answers invocation after invocation":         oneProcess,
		"a stream comes whole":                                    wholeStream,
		"a stream is handed on as it comes":                       streamHandedOn,
		"a process that ends is an error of Lambda":               endedProcess,
		"an invocation past its limit is killed":                  pastLimit,
		"a function that registered gets a signal before its end": signalled,
		"waiting for an invocation ends when its context is done": endedContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, binary) })
	}
}

func start(t *testing.T, cfg lambdahost.Config) *lambdahost.Host {
	t.Helper()
	return harness.Start(t, cfg.Start)
}

func invoke(t *testing.T, h *lambdahost.Host, do string) lambdahost.Result {
	t.Helper()
	result, err := h.Invoke(t.Context(), []byte(`{"do":"`+do+`"}`))
	if err != nil {
		t.Fatalf("%s: %v", do, err)
	}
	return result
}

func oneProcess(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary})
	if h.ToFirstPoll() <= 0 {
		t.Error("the time to the first poll was not taken")
	}
	for range 3 {
		if got, want := string(invoke(t, h, "pid").Payload), strconv.Itoa(h.PID()); got != want {
			t.Errorf("answered by process %s, want %s", got, want)
		}
	}
	if cpu, err := h.CPU(); err != nil || cpu <= 0 {
		t.Errorf("it has used %s of processor time, %v", cpu, err)
	}
	if peak, err := h.PeakRSS(); err != nil || peak < 1<<20 {
		t.Errorf("it has taken %d bytes of memory, %v", peak, err)
	}
	failed := invoke(t, h, "fail")
	if failed.ErrorType != "Probe.Failed" || failed.ErrorMessage != "as asked" {
		t.Errorf("a failed invocation came back as %+v", failed)
	}
	left, err := strconv.Atoi(string(invoke(t, h, "deadline").Payload))
	if err != nil || left <= 0 || left > 30_000 {
		t.Errorf("the deadline was %d ms away (%v), want at most 30 s", left, err)
	}
	if got := invoke(t, h, "large").ErrorType; got != "Function.ResponseSizeTooLarge" {
		t.Errorf("7 MiB came back as %q", got)
	}
}

func wholeStream(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary})
	whole := invoke(t, h, "stream")
	if !strings.HasSuffix(string(whole.Payload), "\x00\x00\x00\x00\x00\x00\x00\x00one\ntwo\n") || whole.ErrorType != "" {
		t.Errorf("a stream came back as %q, %q", whole.Payload, whole.ErrorType)
	}
	if got := whole.Header.Get("Content-Type"); got != "application/vnd.awslambda.http-integration-response" {
		t.Errorf("its content type is %q", got)
	}
	broke := invoke(t, h, "break")
	if broke.ErrorType != "errorString" || broke.ErrorMessage != "the body broke" {
		t.Errorf("a broken stream came back as %q, %q", broke.ErrorType, broke.ErrorMessage)
	}
	if !strings.HasSuffix(string(broke.Payload), "one\n") {
		t.Errorf("of the broken stream %q came", broke.Payload)
	}
}

func streamHandedOn(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary})
	var out strings.Builder
	result, err := h.InvokeStream(t.Context(), []byte(`{"do":"stream"}`), &out)
	if err != nil || result.ErrorType != "" || len(result.Payload) != 0 {
		t.Errorf("a stream handed on came to %+v, %v", result, err)
	}
	if !strings.HasSuffix(out.String(), "\x00one\ntwo\n") {
		t.Errorf("of the stream %q came", out.String())
	}
	out.Reset()
	result, err = h.InvokeStream(t.Context(), []byte(`{"do":"pid"}`), &out)
	if err != nil || string(result.Payload) != strconv.Itoa(h.PID()) || out.Len() != 0 {
		t.Errorf("a response that is no stream came to %+v, %v, and %q was handed on", result, err, out.String())
	}
	result, err = h.InvokeStream(t.Context(), []byte(`{"do":"stream"}`), full{})
	if err != nil || result.ErrorType != "Runtime.TruncatedResponse" {
		t.Errorf("a stream that nobody read came to %+v, %v", result, err)
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("it is full") }

func endedProcess(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary})
	if got := invoke(t, h, "exit"); got.ErrorType != "Runtime.ExitError" || !strings.Contains(got.ErrorMessage, "exit status 4") {
		t.Errorf("a process that ended came back as %+v", got)
	}
	if _, err := h.Invoke(t.Context(), nil); !errors.Is(err, lambdahost.ErrGone) {
		t.Errorf("the next invocation gave %v", err)
	}
	_, err := lambdahost.Config{Bootstrap: binary, Env: []string{"PROBE_EXIT=1"}}.Start(t.Context())
	var down *lambdahost.InitError
	if !errors.As(err, &down) || !strings.Contains(down.Output, "asked to end") {
		t.Errorf("a process that did not come up gave %v", err)
	}
}

func pastLimit(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary, Timeout: time.Second})
	if got := invoke(t, h, "hang"); got.ErrorType != "Sandbox.Timedout" {
		t.Errorf("it came back as %+v", got)
	}
	if err := syscall.Kill(h.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process still runs: %v", err)
	}
}

func signalled(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary})
	invoke(t, h, "pid")
	h.Close()
	if !strings.Contains(h.Output(), "ended by a signal") {
		t.Errorf("its output is %q", h.Output())
	}
}

func endedContext(t *testing.T, binary string) {
	h := start(t, lambdahost.Config{Bootstrap: binary})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, []byte(`{"do":"hang"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
}
