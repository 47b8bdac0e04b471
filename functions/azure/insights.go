package main

import (
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/telemetry/appinsights"
)

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
