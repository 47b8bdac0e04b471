package trigger

import (
	"context"
	"log/slog"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// Job does something and reports on it: its input is an In, all of it optional,
// its result an Out.
type Job[In, Out any] func(ctx context.Context, in In) (*Out, error)

// Run does the job with an input in JSON. An input with members that In lacks is a
// Request.Invalid that names the first of them. Each failure becomes one ERROR
// record in log.
func (j Job[In, Out]) Run(ctx context.Context, log *slog.Logger, input []byte) (*Out, error) {
	var in In
	if err := Decode(input, &in); err != nil {
		log.ErrorContext(ctx, "the event was refused", "error", "Request.Invalid")
		return nil, failure.InvalidRequest("the event is not what this function takes: " + err.Error())
	}
	out, err := j.call(ctx, in)
	if err != nil {
		log.ErrorContext(ctx, "the job failed", "error", err)
		return nil, err
	}
	return out, nil
}

// call does the job, and makes an error of a panic.
func (j Job[In, Out]) call(ctx context.Context, in In) (out *Out, err error) {
	defer crash.Recover(&err)
	return j(ctx, in)
}
