package api

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// ndjson answers with all users as NDJSON, while they arrive. Its last line says
// whether the list is complete. An error before the first user is answered as an
// error.
func (a *API) ndjson(w http.ResponseWriter, r *http.Request, o *options) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Method == http.MethodHead {
		return nil
	}
	out := newLines(w)
	defer out.stop()
	users, done := a.all(o)
	defer done()
	if err := out.read(users.Users(r.Context())); err != nil {
		return out.fail(err)
	}
	report := users.Report()
	if err := out.complete(report.Verified); err != nil {
		return err
	}
	telemetry.Observe(r.Context(), telemetry.Users, float64(report.Users))
	return nil
}

// flushEvery is how long a user may wait in the buffer for others.
const flushEvery = 500 * time.Millisecond

// lines writes users to a caller who is waiting for them: the first at once, the
// others in batches, and none later than flushEvery.
type lines struct {
	w       http.ResponseWriter
	control *http.ResponseController

	mu      sync.Mutex
	out     *format.NDJSON
	timer   *time.Timer // runs while users are buffered
	running bool        // the timer is
	err     error
	stopped bool
}

func newLines(w http.ResponseWriter) *lines {
	l := &lines{w: w, control: http.NewResponseController(w), out: format.NewNDJSON(w)}
	l.timer = time.AfterFunc(time.Hour, l.onTimer)
	l.timer.Stop()
	return l
}

// read writes all users. A panic ends the stream as any other error does.
func (l *lines) read(users iter.Seq2[graph.User, error]) (err error) {
	defer crash.Recover(&err)
	for user, err := range users {
		if err == nil {
			err = l.user(user.Raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) user(raw []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = l.out.User(raw)
	}
	switch {
	case l.err != nil:
	case l.out.Users() == 1:
		l.flush()
	case !l.running:
		l.running = true
		l.timer.Reset(flushEvery)
	}
	return l.err
}

func (l *lines) onTimer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer crash.Recover(&l.err)
	l.running = false
	if !l.stopped && l.err == nil {
		l.flush()
	}
}

func (l *lines) flush() {
	if l.err = l.out.Flush(); l.err == nil {
		l.err = l.control.Flush()
	}
	if errors.Is(l.err, http.ErrNotSupported) {
		l.err = nil
	}
}

// stop ends the flushing: the underlying writer may not be used after the handler.
func (l *lines) stop() {
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
}

// complete ends the stream of a complete list.
func (l *lines) complete(verified bool) error {
	l.stop()
	if l.err == nil {
		l.err = l.out.Complete(verified)
	}
	if l.err != nil {
		return l.fail(l.err)
	}
	return nil
}

// fail ends the stream of an incomplete list, if the stream has begun.
func (l *lines) fail(err error) error {
	l.stop()
	if l.out.Users() == 0 {
		return err
	}
	f := failure.Of(err)
	if l.out.Fail(f.Name, f.Message) != nil {
		// The underlying writer may be too full for another user and still accept
		// this line (see package trigger), but the buffer returns its first error
		// for ever.
		if _, writeErr := l.w.Write(format.AppendFailure([]byte("\n"), f.Name, f.Message)); writeErr != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errReported, err)
}
