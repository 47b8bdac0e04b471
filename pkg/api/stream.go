package api

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// stream answers with everyone as NDJSON, while they arrive. Its last line says
// whether the list is complete. An error before the first user is answered as an
// error.
func (a *API) stream(w http.ResponseWriter, r *http.Request, o *options) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Method == http.MethodHead {
		return nil
	}
	out := newLines(w)
	defer out.stop()
	for user, err := range list.New(a.directory, a.chosen(o), a.log).Users(r.Context()) {
		if err == nil {
			err = out.user(user.Raw)
		}
		if err != nil {
			return out.fail(err)
		}
	}
	return out.complete()
}

// flushEvery is how long a user may wait in the buffer for others.
const flushEvery = 500 * time.Millisecond

// lines writes users to a caller who waits for them: the first at once, the
// others in handfuls, and none later than flushEvery.
type lines struct {
	w       http.ResponseWriter
	control *http.ResponseController

	mu    sync.Mutex
	out   *format.NDJSON
	timer *time.Timer // runs while users wait
	armed bool
	err   error
	ended bool
}

func newLines(w http.ResponseWriter) *lines {
	l := &lines{w: w, control: http.NewResponseController(w), out: format.NewNDJSON(w)}
	l.timer = time.AfterFunc(time.Hour, l.onTime)
	l.timer.Stop()
	return l
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
	case !l.armed:
		l.armed = true
		l.timer.Reset(flushEvery)
	}
	return l.err
}

func (l *lines) onTime() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	if !l.ended && l.err == nil {
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

// stop ends the flushing: the writer below is not ours after the handler.
func (l *lines) stop() {
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// complete ends the stream as whole.
func (l *lines) complete() error {
	l.stop()
	if l.err == nil {
		l.err = l.out.Complete()
	}
	if l.err != nil {
		return l.fail(l.err)
	}
	return nil
}

// fail ends the stream as not whole, if there is a stream already.
func (l *lines) fail(err error) error {
	l.stop()
	if l.out.Users() == 0 {
		return err
	}
	f := failure.Of(err)
	if l.out.Fail(f.Name, f.Message) != nil {
		// The writer below may have no room for another user and still some for
		// this line (see package trigger), which the buffer's error would keep
		// from it.
		if _, told := l.w.Write(format.AppendFailure([]byte("\n"), f.Name, f.Message)); told != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errTold, err)
}
