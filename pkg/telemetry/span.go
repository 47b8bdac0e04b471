//go:build !otel

package telemetry

import (
	"context"
	"log/slog"
	"net/http"
)

// Traced reports whether this program makes traces: it does if it was built with the tag
// otel. Without it the functions that make spans are empty, cost nothing, and link nothing.
const Traced = false

// Span is a piece of work in a trace.
type Span struct{}

// WithOrigin returns a context under which [StartInvocation] knows where the invocation comes
// from.
func WithOrigin(ctx context.Context, _ Origin) context.Context { return ctx }

// StartInvocation begins the span of an invocation: in the trace of the W3C traceparent among
// the headers, else in that of AWS X-Ray, else in one of its own. What is
// done under the context that it returns becomes spans below it.
func StartInvocation(ctx context.Context, _ string, _ http.Header) (context.Context, Span) {
	return ctx, Span{}
}

// StartSpan begins a span of the program's own work.
func StartSpan(ctx context.Context, _ string, _ ...slog.Attr) (context.Context, Span) {
	return ctx, Span{}
}

// StartCall begins a span of a request to another service.
func StartCall(ctx context.Context, _ string, _ ...slog.Attr) (context.Context, Span) {
	return ctx, Span{}
}

// SpanEvent records what happens at a moment of the span that ctx is of, such as a retry.
func SpanEvent(context.Context, string, ...slog.Attr) {}

// Set adds attributes, which are redacted as those of the log.
func (Span) Set(...slog.Attr) {}

// End ends the span, with the error that the work has ended in, if it has.
func (Span) End(error) {}

// FlushSpans sends the spans that have ended, and gives up shortly before the deadline of ctx. It
// never fails: the log says if it could not.
func FlushSpans(context.Context) {}

// StartTraces makes the spans of this process go where the standard variables OTEL_* say.
// main calls it once.
func StartTraces(*slog.Logger) {}
