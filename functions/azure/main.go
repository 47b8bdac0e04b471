// Azure is the custom handler of an Azure Functions app: the jobs of the Lambda functions
// behind triggers of Azure. The folders beside it are its functions, with their bindings.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
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
	if err != nil {
		cfg = new(config.Config)
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

// lastMetrics is how long the metrics of the last invocations may take once the host has asked
// the program to end.
const lastMetrics = 3 * time.Second

// insightsOf returns what publishes metrics, or nil: without them the jobs go on.
func insightsOf(cfg *config.Config, s appinsights.Settings, log *slog.Logger) *appinsights.Sender {
	insights, err := appinsights.New(appinsights.Config{
		Settings: s, Cloud: cfg.Cloud, Log: log,
		SignIn: func(clientID string) (azcore.TokenCredential, error) {
			return credential.HostIdentity(credential.Config{Cloud: cfg.Cloud, LoginURL: cfg.LoginURL, LookupEnv: cfg.LookupEnv}, clientID)
		},
	})
	if err != nil {
		log.Warn("there will be no metrics", "error", err)
	}
	return insights
}
