// Users is the Lambda function that returns who is in the directory. It is
// started by API Gateway, a function URL, a load balancer, or invoked directly.
package main

import (
	"log/slog"
	"net/http"
	"os"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func main() {
	cfg, err := config.Read(os.Environ())
	if err != nil {
		cfg = new(config.Config)
	}
	log := telemetry.Start(cfg.LogLevel)
	function := &lambda.HTTP{
		AllowAnonymous: cfg.AllowAnonymous, Roles: cfg.Roles, LoadBalancer: cfg.LoadBalancer, Stream: cfg.Stream, Log: log,
		Meter: lambda.NewMeter(telemetry.JobUsers, log),
	}
	if err == nil {
		function.Handler, err = users(cfg, log)
	}
	lambda.Start(function, err)
}

func users(cfg *config.Config, log *slog.Logger) (http.Handler, error) {
	r, err := reader.New(cfg, log)
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{Directory: r.Graph, Request: r.Request, Key: r.SealKey, Log: log})
}
