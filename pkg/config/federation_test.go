package config_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/config"
)

func TestFederationNeedsNoSecret(t *testing.T) {
	for _, value := range []string{"aws", " AWS "} {
		cfg, err := config.Read([]string{"AZURE_TENANT_ID=t", "AZURE_CLIENT_ID=c", "ROLLCALL_FEDERATION=" + value})
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := cfg.LookupEnv("ROLLCALL_FEDERATION"); !ok || !strings.EqualFold(got, "aws") {
			t.Errorf("%q: %q", value, got)
		}
		if got, ok := cfg.LookupEnv("ROLLCALL_FILTER"); ok {
			t.Errorf("%q can be looked up", got)
		}
	}
	for _, row := range []struct{ variables, want string }{
		{"ROLLCALL_FEDERATION=canary", "ROLLCALL_FEDERATION: is not a platform"},
		{"ROLLCALL_FEDERATION=aws ROLLCALL_CREDENTIALS=secretsmanager:rollcall", "ROLLCALL_FEDERATION: is for ROLLCALL_CREDENTIALS=env: only"},
	} {
		_, err := config.Read(strings.Fields(row.variables))
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", row.variables, err)
		}
	}
}
