// Webhook is the Lambda function that Graph notifies of changes and that hooks call to
// start a job. It is started by an HTTP API.
package main

import (
	"context"
	"os"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
	"github.com/rollcall-dev/rollcall/pkg/webhook/aws"
)

func main() {
	var settings aws.Settings
	cfg, err := config.Read(os.Environ(), &settings)
	if err != nil {
		cfg = new(config.Config)
	}
	log := telemetry.Start(cfg.LogLevel)
	// Nobody signs in: what comes is trusted by the secret.
	function := &lambda.HTTP{AllowAnonymous: true, Log: log}
	if err == nil {
		function.Handler, err = aws.New(context.Background(), settings, log)
	}
	lambda.Start(function, err)
}
