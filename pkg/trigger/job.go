package trigger

import (
	"context"
	"log/slog"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Job does something and reports on it: its input is an In, all of it optional,
// its result an Out.
type Job[In, Out any] func(ctx context.Context, in In) (*Out, error)

// Run does the job with an input in JSON: see Read and Call.
func (j Job[In, Out]) Run(ctx context.Context, log *slog.Logger, input []byte) (*Out, error) {
	in, err := j.Read(ctx, log, input)
	if err != nil {
		return nil, err
	}
	return j.Call(ctx, log, in)
}

// Read reads an input in JSON. One with members that In lacks is a Request.Invalid that
// names the first of them, and an ERROR record in log.
func (j Job[In, Out]) Read(ctx context.Context, log *slog.Logger, input []byte) (in In, err error) {
	if err := Decode(input, &in); err != nil {
		log.ErrorContext(ctx, "the event was refused", "error", "Request.Invalid")
		return in, failure.InvalidRequest("the event is not what this function takes: " + err.Error())
	}
	return in, nil
}

// Call does the job, and ends it so early that the host can still be told why. Each failure
// becomes a record in log: an ERROR, or a WARN where another run does the work instead.
func (j Job[In, Out]) Call(ctx context.Context, log *slog.Logger, in In) (*Out, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-margin))
		defer cancel()
	}
	ctx, span := telemetry.StartInvocation(ctx, "job", nil)
	out, err := j.recovered(ctx, in)
	span.End(err)
	telemetry.FlushSpans(ctx)
	if err != nil {
		level, name := slog.LevelError, failure.Of(err).Name
		if name == "State.Conflict" {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "the job failed", "name", name, "error", err)
		return nil, err
	}
	return out, nil
}

// recovered does the job, and makes an error of a panic.
func (j Job[In, Out]) recovered(ctx context.Context, in In) (out *Out, err error) {
	defer crash.Recover(&err)
	return j(ctx, in)
}
