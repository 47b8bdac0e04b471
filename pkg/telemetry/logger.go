// Package telemetry writes the logs: JSON lines as Lambda expects them, or text
// for a terminal, with the ids of request and run on every line. Its handler is
// also the last line of defence against leaks: whatever looks like a secret, a
// token or a person is written as "[redacted]", wherever it appears. The figures of an
// invocation (see [Metric]) are collected here as well, and go the same way.
//
// It imports nothing of this module; a type controls its form by slog.LogValuer.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Levels beyond slog's own, which Lambda's AWS_LAMBDA_LOG_LEVEL knows.
const (
	LevelTrace = slog.LevelDebug - 4
	LevelFatal = slog.LevelError + 4
)

// Options are the settings of a logger. The zero value writes JSON from INFO up.
type Options struct {
	// Level is the lowest level to write: TRACE, DEBUG, INFO, WARN, ERROR or FATAL
	// in any case, as in AWS_LAMBDA_LOG_LEVEL. Anything else is INFO.
	Level string
	// Format is "JSON" or "Text" in any case, as in AWS_LAMBDA_LOG_FORMAT.
	// Anything else is JSON.
	Format string
	// Problems, if set, takes the records from WARN up instead.
	Problems io.Writer
}

// New returns a logger that writes to w, one record a line. JSON records have the
// keys timestamp (RFC 3339, UTC, milliseconds), level and message, by which
// Lambda's log controls filter; text records have slog's time, level and msg.
func New(w io.Writer, opts Options) *slog.Logger {
	root := opts.handler(w)
	if opts.Problems != nil {
		root = &split{below: root, problems: opts.handler(opts.Problems)}
	}
	return slog.New(&handler{root: root, current: root})
}

// handler returns what writes records to w.
func (opts Options) handler(w io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: parseLevel(opts.Level)}
	if strings.EqualFold(opts.Format, "text") {
		options.ReplaceAttr = redactAttr(textKeys)
		return slog.NewTextHandler(w, options)
	}
	options.ReplaceAttr = redactAttr(lambdaKeys)
	return slog.NewJSONHandler(w, options)
}

// split sends records from WARN up to another handler than those below.
type split struct{ below, problems slog.Handler }

func (s *split) Enabled(ctx context.Context, level slog.Level) bool {
	return s.below.Enabled(ctx, level)
}

func (s *split) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelWarn {
		return s.problems.Handle(ctx, record)
	}
	return s.below.Handle(ctx, record)
}

func (s *split) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &split{s.below.WithAttrs(attrs), s.problems.WithAttrs(attrs)}
}

func (s *split) WithGroup(name string) slog.Handler {
	return &split{s.below.WithGroup(name), s.problems.WithGroup(name)}
}

func parseLevel(name string) slog.Level {
	switch strings.ToUpper(strings.TrimSpace(name)) {
	case "TRACE":
		return LevelTrace
	case "DEBUG":
		return slog.LevelDebug
	case "WARN", "WARNING":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	case "FATAL":
		return LevelFatal
	}
	return slog.LevelInfo
}

func levelName(level slog.Level) string {
	switch {
	case level <= LevelTrace:
		return "TRACE"
	case level >= LevelFatal:
		return "FATAL"
	}
	return level.String()
}

// lambdaKeys renames slog's own attributes to those of Lambda.
func lambdaKeys(a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey:
		return slog.String("timestamp", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// textKeys shortens the time to what a person reads.
func textKeys(a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.String(slog.TimeKey, a.Value.Time().Format(time.RFC3339))
	}
	return a
}

// handler adds the context's attributes at the top of every record, also of a
// logger that has a group open.
type handler struct {
	root, current slog.Handler
	// steps lead from root to current.
	steps   []func(slog.Handler) slog.Handler
	grouped bool
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.current.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	attrs := contextAttrs(ctx)
	if len(attrs) > 0 && !h.grouped {
		attrs = slices.DeleteFunc(slices.Clone(attrs), func(a slog.Attr) bool { return has(record, a.Key) })
	}
	switch {
	case len(attrs) == 0:
		return h.current.Handle(ctx, record)
	case !h.grouped:
		record = record.Clone()
		record.AddAttrs(attrs...)
		return h.current.Handle(ctx, record)
	}
	next := h.root.WithAttrs(attrs)
	for _, step := range h.steps {
		next = step(next)
	}
	return next.Handle(ctx, record)
}

// has reports whether a record names an attribute itself, which then is its own.
func has(record slog.Record, key string) (found bool) {
	record.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(h.grouped, func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	return h.with(h.grouped || name != "", func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *handler) with(grouped bool, step func(slog.Handler) slog.Handler) slog.Handler {
	return &handler{
		root:    h.root,
		current: step(h.current),
		steps:   append(slices.Clip(h.steps), step),
		grouped: grouped,
	}
}
