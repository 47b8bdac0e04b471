// Azure is the custom handler of an Azure Functions app: the jobs of the Lambda functions
// behind triggers of Azure. The folders beside it are its functions, with their bindings.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry/appinsights"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

func main() {
	var host azure.Settings
	var publishing publisher.Settings
	var watching appinsights.Settings
	cfg, err := config.Read(config.OnAzure(os.Environ()), &host, &publishing, &watching)
	if err != nil { // of which metrics could not tell, either: whom to sign in to is not known
		cfg, watching = new(config.Config), appinsights.Settings{}
	}
	log := telemetry.StartUnderHost(cfg.LogLevel)
	publisher.TuneMemory(0, publisher.GarbageOfChanges)
	insights := insightsOf(cfg, watching, log)
	go insights.Run()
	app := &azure.App{Settings: host, Functions: functions(cfg, publishing, log, insights, err), Log: log}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = app.Serve(ctx)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastMetrics)
	defer cancel()
	insights.Close(grace)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}
