// Snapshot is the Lambda function that publishes the whole list. It is started by
// the state machine of infra/statemachine, or invoked directly.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

func main() {
	cfg, err := config.Read(os.Environ(), publisher.Checks()...)
	if err != nil {
		cfg = &config.Config{}
	}
	log := telemetry.New(os.Stdout, telemetry.Options{Level: cfg.LogLevel})
	telemetry.CaptureStandardLog(log)
	// What lives is the ids and a few large buffers, and little becomes garbage:
	// collecting it early costs next to nothing and keeps the peak down.
	debug.SetGCPercent(5)
	if cfg.MemorySize > 0 {
		debug.SetMemoryLimit(cfg.MemorySize / 10 * 9) // the rest is not the collector's
	}
	var p *publisher.Publisher
	if err == nil {
		p, err = publisher.New(cfg, log)
	}
	if err != nil {
		log.Error("the function cannot start; every event is answered with this error", "error", err)
	}
	job := trigger.Job[snapshot.Input, snapshot.Result]{
		Do: func(ctx context.Context, in snapshot.Input) (*snapshot.Result, error) {
			if err != nil {
				return nil, err
			}
			if invoked, ok := lambdacontext.FromContext(ctx); ok {
				in.Request = invoked.AwsRequestID
			}
			return p.Snapshot(ctx, in, nil)
		},
		Name: func(err error) string { return failure.Of(err).Name }, Annotate: telemetry.WithRequestID, Log: log,
	}
	lambda.Start(job.Invoke)
}
