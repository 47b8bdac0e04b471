// Users is the Lambda function that returns who is in the directory. It is
// started by an HTTP API or invoked directly.
package main

import (
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

func main() {
	cfg, err := config.Read(os.Environ(), reader.CheckCredentials())
	if err != nil {
		cfg = &config.Config{}
	}
	log := telemetry.New(os.Stdout, telemetry.Options{Level: cfg.LogLevel})
	var users http.Handler
	if err == nil {
		var r *reader.Reader
		if r, err = reader.New(cfg, log); err == nil {
			users = api.New(api.Config{Users: r.Graph, Request: r.Request, Log: log})
		}
	}
	if err != nil {
		log.Error("the function cannot start; every event is answered with this error", "error", err)
		users = api.Broken(err)
	}
	function := trigger.Lambda{Handler: users, AllowAnonymous: cfg.AllowAnonymous, Annotate: telemetry.WithRequestID}
	lambda.Start(function.Invoke)
}
