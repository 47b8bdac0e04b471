//go:build otel

package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/rollcall-dev/rollcall/pkg/version"
)

// Traced reports whether this program makes traces.
const Traced = true

const (
	scope = "github.com/rollcall-dev/rollcall"
	// flushLimit bounds what an invocation waits for its spans to be taken, flushMargin what
	// is kept of its time.
	flushLimit, flushMargin = 2 * time.Second, 250 * time.Millisecond
)

// Span is a piece of work in a trace.
type Span struct{ span trace.Span }

type originKey struct{}

// WithOrigin returns a context under which [StartInvocation] knows where the invocation comes
// from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// StartInvocation begins the span of an invocation: in the trace of the W3C traceparent among
// the headers, else in that of AWS X-Ray, else in one of its own. What is
// done under the context that it returns becomes spans below it.
func StartInvocation(ctx context.Context, name string, h http.Header) (context.Context, Span) {
	origin, _ := ctx.Value(originKey{}).(Origin)
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes(origin.Attrs)...)}
	if p := provider(); p != nil {
		options = append(options, trace.WithAttributes(attribute.Bool("faas.coldstart", !p.warm.Swap(true))))
	}
	if origin.Name != "" {
		name = origin.Name + " " + name
	}
	// Of a caller only the two ids and the sampling are taken on: a tracestate may say anything.
	caller := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(http.Header{"Traceparent": h["Traceparent"]})))
	amazon := trace.SpanContextFromContext(xray.Propagator{}.Extract(context.Background(), propagation.MapCarrier{"X-Amzn-Trace-Id": origin.XRay}))
	switch {
	case caller.IsValid():
		ctx = trace.ContextWithRemoteSpanContext(ctx, caller)
		if amazon.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: amazon}))
		}
	case amazon.IsValid():
		ctx = trace.ContextWithRemoteSpanContext(ctx, amazon)
	}
	return start(ctx, name, options...)
}

// StartSpan begins a span of the program's own work.
func StartSpan(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, Span) {
	return start(ctx, name, trace.WithAttributes(attributes(attrs)...))
}

// StartCall begins a span of a request to another service.
func StartCall(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, Span) {
	return start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes(attrs)...))
}

func start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, Span) {
	ctx, span := otel.Tracer(scope).Start(ctx, name, options...)
	return ctx, Span{span}
}

// SpanEvent records what happens at a moment of the span that ctx is of, such as a retry.
func SpanEvent(ctx context.Context, name string, attrs ...slog.Attr) {
	trace.SpanFromContext(ctx).AddEvent(name, trace.WithAttributes(attributes(attrs)...))
}

// Set adds attributes, which are redacted as those of the log.
func (s Span) Set(attrs ...slog.Attr) { s.span.SetAttributes(attributes(attrs)...) }

// End ends the span, with the error that the work has ended in, if it has.
func (s Span) End(err error) {
	if err != nil {
		text := redactAny(err)
		s.span.SetStatus(codes.Error, scrub(text.String()))
		var named interface{ Name() string }
		if errors.As(err, &named) {
			s.span.SetAttributes(attribute.String("error.type", named.Name()))
		}
	}
	s.span.End()
}

// attributes are those of the log, redacted as they are there.
func attributes(attrs []slog.Attr) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(attrs))
	for _, a := range attrs {
		switch v := redactValue(a.Value.Resolve(), isSensitive(a.Key)); v.Kind() {
		case slog.KindInt64:
			all = append(all, attribute.Int64(a.Key, v.Int64()))
		case slog.KindBool:
			all = append(all, attribute.Bool(a.Key, v.Bool()))
		case slog.KindFloat64:
			all = append(all, attribute.Float64(a.Key, v.Float64()))
		case slog.KindDuration:
			all = append(all, attribute.Float64(a.Key, v.Duration().Seconds()))
		default:
			all = append(all, attribute.String(a.Key, scrub(v.String())))
		}
	}
	return all
}

// process is the provider of spans that [StartTraces] makes this process's.
type process struct {
	*sdk.TracerProvider

	warm atomic.Bool // it has had an invocation
}

// provider is nil before StartTraces, and where that made none.
func provider() *process {
	p, _ := otel.GetTracerProvider().(*process)
	return p
}

// StartTraces makes the spans of this process go where the standard variables OTEL_* say, by
// OTLP over HTTP; to localhost:4318 if they say nothing, where collectors listen. main calls
// it once.
func StartTraces(log *slog.Logger) {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("spans could not be exported", "error", fmt.Sprintf("%T", err)) }))
	ctx := context.Background()
	// It would try again for a minute, for which no invocation has time.
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	if err != nil {
		log.Warn("there will be no traces", "error", err)
		return
	}
	// Not resource.Default, which has the command line.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(attribute.String("service.name", serviceName()), attribute.String("service.version", version.String())), resource.WithFromEnv())
	if err != nil {
		log.Warn("a part of OTEL_RESOURCE_ATTRIBUTES is not understood", "error", err)
	}
	made := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	otel.SetTracerProvider(&process{TracerProvider: made})
}

func serviceName() string {
	for _, name := range []string{"AWS_LAMBDA_FUNCTION_NAME", "WEBSITE_SITE_NAME"} {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return "rollcall"
}

// FlushSpans sends the spans that have ended, and gives up shortly before the deadline of ctx. It
// never fails: the log says if it could not.
func FlushSpans(ctx context.Context) {
	made := provider()
	if made == nil {
		return
	}
	limit := flushLimit
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)-flushMargin)
	}
	if limit <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := made.ForceFlush(ctx); err != nil {
		otel.Handle(err)
	}
}
