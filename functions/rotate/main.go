// Rotate is the Lambda function that replaces the client secret of the app that reads. It
// is started by AWS Secrets Manager, which keeps that secret.
package main

import (
	"encoding/json"
	"os"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/rotation/aws"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func main() {
	var settings aws.Settings
	cfg, err := config.Read(os.Environ(), &settings)
	if err != nil {
		cfg = new(config.Config)
	}
	log := telemetry.Start(cfg.LogLevel)
	var rotator *rotation.Rotator
	if err == nil {
		rotator, err = aws.New(cfg, settings, log)
	}
	lambda.Start(&lambda.Job[json.RawMessage, rotation.Result]{Log: log, Meter: lambda.NewMeter(telemetry.JobRotate, log), Do: rotator.Rotate}, err)
}
