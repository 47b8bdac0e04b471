// Snapshot is the Lambda function that publishes the whole list. It is started by
// the state machine of infra/statemachine, or invoked directly.
package main

import (
	"context"
	"os"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
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
	publisher.TuneMemory(cfg.MemorySize, publisher.GarbageOfLists)
	var p *publisher.Publisher
	if err == nil {
		p, err = publisher.New(cfg, settings, log)
	}
	meter := lambda.NewMeter(telemetry.JobSnapshot, log)
	lambda.Start(&lambda.Job[snapshot.Input, snapshot.Result]{Log: log, Meter: meter, Do: func(ctx context.Context, in snapshot.Input) (*snapshot.Result, error) {
		in.Request = telemetry.RequestID(ctx)
		return p.Snapshot(ctx, in, nil)
	}}, err)
}
