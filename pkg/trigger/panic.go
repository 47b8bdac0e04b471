package trigger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
)

// call runs the handler within ctx. A panic, which would end the process, becomes an error
// that tells where it was; what it was about may be private.
func (l *Lambda) call(ctx context.Context, handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if cause, ok := reason.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
			// The handler has logged why, and breaks off what it cannot take back.
			err = fail("Snapshot.Incomplete", "the answer broke off before it was complete")
			return
		}
		where := origin()
		if l.Log != nil {
			l.Log.ErrorContext(ctx, "the handler panicked", "type", fmt.Sprintf("%T", reason), "at", where)
		}
		err = fail("Internal.Error", fmt.Sprintf("the answer broke off in %s; this is a defect of this program", where))
	}()
	handler.ServeHTTP(w, r.WithContext(ctx))
	return nil
}

// origin is the function that panicked, with its line. It is called while the
// panic is being recovered from.
func origin() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // less Callers, origin and its caller
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s, line %d", frame.Function, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
