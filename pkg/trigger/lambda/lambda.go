// Package lambda turns the events that start a Lambda function into requests for
// an HTTP handler or the input of a job, and their answers into what each event's
// sender expects; one file a trigger.
package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// Function answers the events of a Lambda function; an [HTTP] or a [Job].
type Function interface {
	// Invoke answers one event. The type of an error is its public name
	// (Graph.Throttled), which Step Functions match.
	Invoke(ctx context.Context, event json.RawMessage) (any, error)
	// fail logs err and makes it the answer to every event.
	fail(err error)
}

// Start answers events with f until Lambda ends the process. If wiring f failed
// with err, every event is answered with err: a function that does not start
// cannot report why.
func Start(f Function, err error) {
	if err != nil {
		f.fail(err)
	}
	lambda.Start(f.Invoke)
}

// NewMeter returns what publishes the figures of the invocations of this function as metrics
// of CloudWatch, by way of its log.
func NewMeter(job string, log *slog.Logger) *trigger.Meter {
	return &trigger.Meter{Job: job, Emit: telemetry.EMF(log, cmp.Or(lambdacontext.FunctionName, job))}
}

const cannotStart = "the function cannot start; every event is answered with this error"

// Job answers direct invocations, which state machines and people make, with a
// job: the event is an In, the answer an Out.
type Job[In, Out any] struct {
	// Do does the work.
	Do trigger.Job[In, Out]
	// Log gets an ERROR record of each failure.
	Log *slog.Logger
	// Meter, if set, publishes the figures of each job.
	Meter *trigger.Meter
}

// Invoke answers one event. An event with other members than those of In is a
// Request.Invalid.
func (j *Job[In, Out]) Invoke(ctx context.Context, event json.RawMessage) (any, error) {
	out, err := trigger.Measured(withRequestID(ctx), j.Meter, func(ctx context.Context) (*Out, error) { return j.Do.Run(ctx, j.Log, event) })
	if err != nil {
		return nil, named(err)
	}
	return out, nil
}

func (j *Job[In, Out]) fail(err error) {
	j.Log.Error(cannotStart, "error", err)
	j.Do = func(context.Context, In) (*Out, error) { return nil, err }
}

// withRequestID puts the invocation's id on the log lines that are written under
// the context, and it and the trace that X-Ray has begun on the span of the invocation.
func withRequestID(ctx context.Context) context.Context {
	invoked, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ctx
	}
	if telemetry.Traced {
		amazon, _ := ctx.Value("x-amzn-trace-id").(string)
		ctx = telemetry.WithOrigin(ctx, telemetry.Origin{
			Name: lambdacontext.FunctionName, XRay: cmp.Or(amazon, os.Getenv("_X_AMZN_TRACE_ID")),
			Attrs: []slog.Attr{
				slog.String("faas.invocation_id", invoked.AwsRequestID), slog.String("cloud.resource_id", invoked.InvokedFunctionArn),
			},
		})
	}
	return telemetry.WithRequestID(ctx, invoked.AwsRequestID)
}

// named is an error that Lambda reports under its public name.
func named(err error) error {
	f := failure.Of(err)
	return messages.InvokeResponse_Error{Type: f.Name, Message: f.Message}
}
