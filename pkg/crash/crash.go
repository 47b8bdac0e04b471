// Package crash makes errors of panics. A panic ends the process without a closing
// record, leaves temporary files behind, and prints its value, which may be private.
package crash

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
)

// maxStack bounds a stack in the log, in bytes.
const maxStack = 16 << 10

// Error is a panic: a defect of this program. Its text says where it was, and never
// what was passed to panic.
type Error struct{ where, what, stack string }

// Recover is deferred. It makes an error of a panic of the function that defers it,
// and stores it in err. Every goroutine needs a Recover of its own.
func Recover(err *error) {
	if reason := recover(); reason != nil {
		*err = New(reason)
	}
}

// New makes an error of what recover has returned. It is called by the deferred
// function, or by a function that this calls.
func New(reason any) error {
	what := fmt.Sprintf("a %T", reason)
	if own, ok := reason.(runtime.Error); ok {
		what += ": " + own.Error() // the runtime's own texts quote no text
	}
	stack := debug.Stack()
	return &Error{where: origin(), what: what, stack: string(stack[:min(len(stack), maxStack)])}
}

// Error says where the panic was.
func (e *Error) Error() string {
	return fmt.Sprintf("the program broke off in %s with %s; this is a defect of the program: report it with the stack in the log", e.where, e.what)
}

// Name returns the public name of the error.
func (e *Error) Name() string { return "Internal.Error" }

// Stack is the stack of the goroutine that panicked, with addresses instead of values.
func (e *Error) Stack() string { return e.stack }

// LogValue adds the stack.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", e.Name()), slog.String("at", e.where), slog.String("what", e.what), slog.String("stack", e.stack))
}

// origin is the function that panicked, with its line.
func origin() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "runtime."):
			panicked = panicked || frame.Function == "runtime.gopanic"
		case panicked:
			return fmt.Sprintf("%s, line %d", frame.Function, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
