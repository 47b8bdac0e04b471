package trigger

import (
	"context"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Meter publishes the figures of each invocation of a function at its end. A nil Meter
// publishes none.
type Meter struct {
	// Job is what the function does, such as [telemetry.JobSnapshot].
	Job string
	// Emit publishes figures. It never fails the invocation.
	Emit func(ctx context.Context, f *telemetry.Figures)
}

// Measure does the work of one invocation, and publishes its figures whether it ends well,
// in an error or in a panic, which is passed on.
func (m *Meter) Measure(ctx context.Context, do func(ctx context.Context) error) (err error) {
	if m == nil {
		return do(ctx)
	}
	began := time.Now()
	measured, f := telemetry.Measure(ctx, m.Job)
	telemetry.Observe(measured, telemetry.Throttled, 0)
	telemetry.Observe(measured, telemetry.Retries, 0)
	name := failure.Internal // unless do returns
	defer func() {
		if told, ok := f.Ended(); ok {
			name = told
		}
		telemetry.Observe(measured, telemetry.Duration, float64(time.Since(began).Microseconds())/1000)
		judge(measured, name)
		m.Emit(ctx, f)
	}()
	if err = do(measured); err != nil {
		name = failure.Of(err).Name
	} else {
		name = ""
	}
	return err
}

// Measured does work that answers, and publishes its figures as [Meter.Measure] does.
func Measured[Out any](ctx context.Context, m *Meter, do func(ctx context.Context) (*Out, error)) (out *Out, err error) {
	err = m.Measure(ctx, func(ctx context.Context) (err error) {
		out, err = do(ctx)
		return err
	})
	return out, err
}

// Refuse publishes the figures of what is not done at all, and returns why.
func (m *Meter) Refuse(ctx context.Context, why error) error {
	return m.Measure(ctx, func(context.Context) error { return why })
}

// judge says how an invocation ended that failed under a public name, "" for one that did
// not fail. One that another did the work of has not failed, either.
func judge(ctx context.Context, name string) {
	failed, incomplete, suspect := 0., 0., 0.
	switch name {
	case "", "State.Conflict":
	case "Snapshot.Incomplete":
		incomplete = 1
	case "Snapshot.Suspect":
		suspect = 1
	default:
		failed = 1
	}
	telemetry.Observe(ctx, telemetry.Failed, failed)
	telemetry.Observe(ctx, telemetry.Incomplete, incomplete)
	telemetry.Observe(ctx, telemetry.Suspect, suspect)
}
