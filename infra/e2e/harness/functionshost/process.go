package functionshost

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// probeInterval is the time between requests to a handler that does not listen yet.
const probeInterval = 25 * time.Millisecond

// child is one process.
type child struct {
	command  *process.Command
	exited   chan struct{}
	recycled bool // the host wants it gone; guarded by worker.mu
}

// gone reports whether the process has ended.
func (c *child) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// launch starts a process, unless the worker is closed.
func (w *worker) launch() (*child, error) {
	c := &child{exited: make(chan struct{})}
	// The process outlives every context; close ends it.
	c.command = process.NewCommand(context.Background(), w.app.program, w.app.args...)
	c.command.Dir = w.app.dir
	id := uuid.NewString()
	c.command.Env = append(w.env[:len(w.env):len(w.env)],
		"FUNCTIONS_CUSTOMHANDLER_PORT="+w.port, "FUNCTIONS_CUSTOMHANDLER_WORKER_ID="+id,
		"FUNCTIONS_HTTPWORKER_PORT="+w.port, "FUNCTIONS_HTTPWORKER_ID="+id,
		"FUNCTIONS_APP_ROOT_PATH="+w.app.folder,
	)
	stdout := &lines{worker: w, source: "stdout"}
	stderr := &lines{worker: w, source: "stderr"}
	c.command.Stdout, c.command.Stderr = stdout, stderr
	// A group of its own, so that nothing it starts outlives it.
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.command.WaitDelay = time.Second
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, nil
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	w.child = c
	go func() {
		_ = c.command.Wait()
		stdout.flush()
		stderr.flush()
		w.set(func() {
			w.ready = false
			close(c.exited)
		})
	}()
	return c, nil
}

// probe asks for / until there is an answer over HTTP, of whatever status. The handler is
// ready then. It is no error if the process ends before that.
func (w *worker) probe(c *child) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.limit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address()+"/", nil)
		if err != nil {
			return err
		}
		response, err := w.client.Do(request)
		if err == nil {
			w.set(func() { w.ready = !c.gone() && !c.recycled && w.err == nil })
			return response.Body.Close()
		}
		select {
		case <-c.exited:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("no answer over HTTP within %s", w.limit)
		case <-time.After(probeInterval):
		}
	}
}

// end kills a process and waits until it is gone.
func (w *worker) end(c *child) {
	if c == nil || c.gone() {
		return
	}
	_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
	<-c.exited
}
