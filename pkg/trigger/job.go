package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Job answers the direct invocations of a function that does something and
// reports on it, which state machines and people make: the event is an In, all of
// it optional, the answer an Out.
type Job[In, Out any] struct {
	// Do does the work.
	Do func(ctx context.Context, in In) (*Out, error)
	// Annotate, if set, puts the invocation's request id into the context, for
	// the log lines that are written under it.
	Annotate func(ctx context.Context, requestID string) context.Context
	// Name returns the public name of an error of Do.
	Name func(err error) string
	// Log gets an ERROR record of each failure.
	Log *slog.Logger
}

// Invoke answers one event. The type of an error is the public name of the failure
// (Snapshot.Suspect), which Step Functions match; an event with other fields than
// those of In is a Request.Invalid that names the first of them.
func (j *Job[In, Out]) Invoke(ctx context.Context, event json.RawMessage) (*Out, error) {
	if invoked, ok := lambdacontext.FromContext(ctx); ok && j.Annotate != nil {
		ctx = j.Annotate(ctx, invoked.AwsRequestID)
	}
	var in In
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		j.Log.ErrorContext(ctx, "the event was refused", "error", "Request.Invalid")
		return nil, fail("Request.Invalid", "the event is not what this function takes: "+err.Error())
	}
	out, err := j.run(ctx, in)
	if err != nil {
		j.Log.ErrorContext(ctx, "the job failed", "error", err)
		return nil, fail(j.Name(err), err.Error())
	}
	return out, nil
}

// run does the work. A panic, which would end the process and report its reason,
// becomes an error that tells where it was; what it was about may be private.
func (j *Job[In, Out]) run(ctx context.Context, in In) (out *Out, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the job broke off in %s with a %T; this is a defect of this program", origin(), reason)
		}
	}()
	return j.Do(ctx, in)
}
