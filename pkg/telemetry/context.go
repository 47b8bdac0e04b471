package telemetry

import (
	"context"
	"log/slog"
	"slices"
)

type contextKey struct{}

const requestID = "requestId"

// WithRequestID returns a context whose log records carry requestId.
func WithRequestID(ctx context.Context, id string) context.Context {
	return with(ctx, slog.String(requestID, id))
}

// WithClientRequestID returns a context whose log records carry clientRequestId, the
// caller's own name for a request.
func WithClientRequestID(ctx context.Context, id string) context.Context {
	return with(ctx, slog.String("clientRequestId", id))
}

// RequestID returns the id that WithRequestID put into ctx, "" if there is none.
func RequestID(ctx context.Context) string {
	for _, attr := range contextAttrs(ctx) {
		if attr.Key == requestID {
			return attr.Value.String()
		}
	}
	return ""
}

// WithMessageID returns a context whose log records carry messageId, the name that a queue
// gives a message.
func WithMessageID(ctx context.Context, id string) context.Context {
	return with(ctx, slog.String("messageId", id))
}

// WithRun returns a context whose log records carry run.
func WithRun(ctx context.Context, run string) context.Context {
	return with(ctx, slog.String("run", run))
}

// WithTenant returns a context whose log records carry tenant, a GUID.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return with(ctx, slog.String("tenant", tenant))
}

// with adds an attribute, in place of an earlier one of the same key. Figures that are kept
// under ctx have it as a property.
func with(ctx context.Context, attr slog.Attr) context.Context {
	if f := figuresOf(ctx); f != nil {
		f.describe(attr)
	}
	attrs := slices.Clone(contextAttrs(ctx))
	attrs = slices.DeleteFunc(attrs, func(a slog.Attr) bool { return a.Key == attr.Key })
	return context.WithValue(ctx, contextKey{}, append(attrs, attr))
}

func contextAttrs(ctx context.Context) []slog.Attr {
	if ctx == nil {
		return nil
	}
	attrs, _ := ctx.Value(contextKey{}).([]slog.Attr)
	return attrs
}
