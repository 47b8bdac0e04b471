package telemetry

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
)

// Figures are what an invocation has done, as far as it knows. What works under the context
// of [Measure] adds to them, from several goroutines if need be.
type Figures struct {
	// Job is the one that is done, such as [JobSnapshot].
	Job string

	mu         sync.Mutex
	values     map[Metric]float64
	properties []slog.Attr
	ended      bool
	failure    string
}

type figuresKey struct{}

// Measure returns a context under which the figures of a job are kept.
func Measure(ctx context.Context, job string) (context.Context, *Figures) {
	f := &Figures{Job: job, values: map[Metric]float64{}, properties: slices.Clone(contextAttrs(ctx))}
	return context.WithValue(ctx, figuresKey{}, f), f
}

func figuresOf(ctx context.Context) *Figures {
	if ctx == nil {
		return nil
	}
	f, _ := ctx.Value(figuresKey{}).(*Figures)
	return f
}

// IsMeasured reports whether anybody wants the figures of what is done under ctx.
func IsMeasured(ctx context.Context) bool { return figuresOf(ctx) != nil }

// Observe adds to a figure of the invocation that ctx is of. Counts add up, of ages the
// greatest counts, of days that are left the least, and of anything else the last value.
// Under a context without figures it does nothing.
func Observe(ctx context.Context, m Metric, value float64) {
	f := figuresOf(ctx)
	if f == nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observe(m, value)
}

func (f *Figures) observe(m Metric, value float64) {
	for _, d := range definitions() {
		if d.Metric != m || !d.of(f.Job) {
			continue
		}
		if former, known := f.values[m]; known {
			value = d.join(former, value)
		}
		f.values[m] = value
	}
}

// End records how work has ended whose answer is all that tells of it, such as a stream: the
// public name of the error, "" where all went well or the fault is the caller's.
func End(ctx context.Context, failure string) {
	if f := figuresOf(ctx); f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended, f.failure = true, failure
	}
}

// Ended returns what End has recorded, and whether it was called.
func (f *Figures) Ended() (failure string, told bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failure, f.ended
}

// describe keeps an attribute of the log as a property of the figures.
func (f *Figures) describe(attr slog.Attr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.properties = slices.DeleteFunc(f.properties, func(a slog.Attr) bool { return a.Key == attr.Key })
	f.properties = append(f.properties, attr)
}

// Properties say what the figures are of, as far as it is known: the ids of the request, the
// tenant and the run, written as the log writes them.
func (f *Figures) Properties() []slog.Attr {
	f.mu.Lock()
	defer f.mu.Unlock()
	redact := redactAttr(func(a slog.Attr) slog.Attr { return a })
	all := []slog.Attr{redact(nil, slog.String("job", f.Job))}
	for _, a := range f.properties {
		all = append(all, redact(nil, a))
	}
	return all
}

// Values are the figures that are known.
func (f *Figures) Values() map[Metric]float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.values)
}
