package functionshost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

const (
	// faultLimit is how many faults within faultWindow end the host.
	faultLimit  = 3
	faultWindow = 30 * time.Minute
	// restartStatus is the exit status by which a handler asks to be started again.
	restartStatus = 200
)

// errDown is the host that has given up its handler.
var errDown = errors.New("the handler failed too often and the host has shut down")

// errFinished is the handler that has ended by itself with status 0.
var errFinished = errors.New("the handler ended with status 0, after which the host does not start it again")

// worker is the handler's process over all its starts.
type worker struct {
	app     *app
	env     []string
	port    string
	limit   time.Duration // to listen
	journal *journal
	down    func() // called when the host gives up
	output  process.Output
	client  *http.Client
	ended   chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when the state changes
	ready   bool
	err     error // errDown, errFinished, or that it was closed
	child   *child
	faults  []time.Time
}

// startWorker starts the handler and keeps it running until close.
func startWorker(ctx context.Context, a *app, env []string, limit time.Duration, j *journal, down func()) (*worker, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a port for the handler: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		return nil, err
	}
	w := &worker{
		app: a, env: env, port: port, limit: limit, journal: j, down: down, client: newClient(),
		ended: make(chan struct{}), changed: make(chan struct{}),
	}
	go w.supervise()
	return w, nil
}

// address is where the handler listens.
func (w *worker) address() string { return "127.0.0.1:" + w.port }

// supervise starts the handler for as long as it is to be started again.
func (w *worker) supervise() {
	defer close(w.ended)
	for w.run() {
	}
}

// run is one life of the handler, and reports whether to start it again.
func (w *worker) run() (again bool) {
	c, err := w.launch()
	if err != nil {
		w.journal.log(Error, "host", "The handler could not be started: %v", err)
		return w.fault()
	}
	if c == nil {
		return false
	}
	if err := w.probe(c); err != nil {
		w.end(c)
		if w.wanted(c) {
			w.journal.log(Error, "host", "The handler did not listen: %v", err)
			return w.fault()
		}
	}
	<-c.exited
	return w.exit(c)
}

// exit says what the end of a process means.
func (w *worker) exit(c *child) (again bool) {
	w.mu.Lock()
	closed, recycled := w.err != nil, c.recycled
	w.mu.Unlock()
	switch code := c.command.ProcessState.ExitCode(); {
	case closed:
		return false
	case recycled:
		return true
	case code == 0:
		w.journal.log(Information, "host", "The handler ended with status 0.")
		w.set(func() { w.err = errFinished })
		return false
	case code == restartStatus:
		w.journal.log(Information, "host", "The handler ended with status %d and is started again.", code)
		return true
	default:
		w.journal.log(Error, "host", "The handler ended: %s", c.command.ProcessState)
		return w.fault()
	}
}

// fault counts one and reports whether the handler may be started again.
func (w *worker) fault() (again bool) {
	w.mu.Lock()
	now := time.Now()
	if n := len(w.faults); n > 0 && now.Sub(w.faults[n-1]) > faultWindow {
		w.faults = nil
	}
	w.faults = append(w.faults, now)
	again = len(w.faults) < faultLimit && w.err == nil
	w.mu.Unlock()
	if !again {
		w.journal.log(Error, "host", "The handler failed too often. The host shuts down.")
		w.set(func() { w.err = errors.Join(w.err, errDown) })
		w.down()
	}
	return again
}

// set changes the state and wakes those who wait for it.
func (w *worker) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	close(w.changed)
	w.changed = make(chan struct{})
}

// await returns the process once it is ready, or the one that has finished. It waits for a
// process that is being started.
func (w *worker) await(ctx context.Context) (*child, error) {
	for {
		w.mu.Lock()
		c, ready, err, changed := w.child, w.ready, w.err, w.changed
		w.mu.Unlock()
		if ready || errors.Is(err, errFinished) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// up is await for those to whom a handler that has finished is an error, too.
func (w *worker) up(ctx context.Context) error {
	_, err := w.await(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(err, w.err)
}

// recycle ends a process that the host wants to replace; nil is the one there is.
func (w *worker) recycle(c *child) {
	w.mu.Lock()
	if c == nil {
		c = w.child
	}
	if c == w.child && c != nil && w.err == nil {
		c.recycled, w.ready = true, false
	}
	w.mu.Unlock()
	w.end(c)
}

// kill ends the process as the system would.
func (w *worker) kill() {
	w.mu.Lock()
	c := w.child
	w.mu.Unlock()
	w.end(c)
}

// wanted reports whether nobody asked for the end of a process.
func (w *worker) wanted(c *child) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !c.recycled && w.err == nil
}

func (w *worker) pid() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == nil {
		return 0
	}
	return w.child.command.Process.Pid
}

// close ends the handler for good.
func (w *worker) close() {
	w.set(func() { w.ready, w.err = false, errors.Join(w.err, errors.New("the host is closed")) })
	w.kill()
	<-w.ended
}
