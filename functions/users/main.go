// Users is the Lambda function that returns who is in the directory. It is
// started by API Gateway, a function URL, a load balancer, or invoked directly.
package main

import (
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

func main() {
	cfg, err := config.Read(os.Environ())
	if err != nil {
		cfg = &config.Config{}
	}
	log := telemetry.New(os.Stdout, telemetry.Options{Level: cfg.LogLevel})
	telemetry.CaptureStandardLog(log)
	function := trigger.Lambda{
		Handler: users(cfg, err, log), AllowAnonymous: cfg.AllowAnonymous, Stream: cfg.Stream,
		Annotate: telemetry.WithRequestID, Log: log,
	}
	lambda.Start(function.Invoke)
}

// users wires the API. What keeps it from starting is told to every caller.
func users(cfg *config.Config, err error, log *slog.Logger) http.Handler {
	var r *reader.Reader
	if err == nil {
		r, err = reader.New(cfg, log)
	}
	var handler *api.API
	if err == nil {
		handler, err = api.New(api.Config{Directory: r.Graph, Request: r.Request, Key: r.SkipTokenKey, Log: log})
	}
	if err != nil {
		log.Error("the function cannot start; every event is answered with this error", "error", err)
		return failure.Handler(err)
	}
	return handler
}
