// Changes is the Lambda function that publishes who joined, changed, left and came
// back. A schedule starts it, a message of the queue that the webhook fills, or a
// direct invocation.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func main() {
	var settings publisher.Settings
	cfg, err := config.Read(os.Environ(), &settings)
	if err != nil {
		cfg = new(config.Config)
	}
	log := telemetry.Start(cfg.LogLevel)
	publisher.TuneMemory(cfg.MemorySize, publisher.GarbageOfChanges)
	var p *publisher.Publisher
	if err == nil {
		p, err = publisher.New(cfg, settings, log)
	}
	lambda.Start(function(p, log), err)
}

// function answers events with the changes that p publishes.
func function(p *publisher.Publisher, log *slog.Logger) *lambda.Queue[changes.Input, changes.Result] {
	return &lambda.Queue[changes.Input, changes.Result]{
		Job: lambda.Job[changes.Input, changes.Result]{Log: log, Meter: lambda.NewMeter(telemetry.JobChanges, log), Do: func(ctx context.Context, in changes.Input) (*changes.Result, error) {
			return p.Changes(ctx, in, nil, nil)
		}},
		Unfinished: func(r *changes.Result) bool { return r.Status == changes.Continue },
	}
}
