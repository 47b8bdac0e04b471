package trigger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// call runs the handler. A panic, which would end the process, becomes an error
// that says where it was; its value may be private.
func (s *Server) call(ctx context.Context, handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if cause, ok := reason.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
			// The handler has logged why, and aborts what it cannot take back.
			err = &failure.Named{Public: "Snapshot.Incomplete", Text: "the answer broke off before it was complete"}
			return
		}
		where := origin()
		if s.Log != nil {
			s.Log.ErrorContext(ctx, "the handler panicked", "type", fmt.Sprintf("%T", reason), "at", where)
		}
		err = fmt.Errorf("the answer broke off in %s; this is a defect of this program", where)
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
