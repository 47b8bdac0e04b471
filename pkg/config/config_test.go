package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/config"
)

const canary = "Zq8Q~canary.Secret_0123456789"

func TestAConfigRevealsNoSecret(t *testing.T) {
	c := mustRead(t, "AZURE_TENANT_ID="+canary, "AZURE_CLIENT_ID="+canary, "AZURE_CLIENT_SECRET="+canary,
		"ROLLCALL_FILTER=userPrincipalName eq '"+canary+"'", "ROLLCALL_CREDENTIALS=file:"+canary)
	if value, ok := c.LookupEnv("AZURE_CLIENT_SECRET"); !ok || value != canary {
		t.Fatalf("the secret is not returned: %q", value)
	}
	var b bytes.Buffer
	for _, value := range []any{c, *c, []any{c}, map[string]any{"c": *c}, struct{ C any }{*c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&b, verb+"\n", value)
		}
		slog.New(slog.NewJSONHandler(&b, nil)).Info("read", "config", value)
		slog.New(slog.NewTextHandler(&b, nil)).Info("read", "config", value)
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	if text := b.String(); strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
		t.Errorf("revealed: %s", text)
	}
}

func TestLookupEnvReturnsVariablesOfAzureOnly(t *testing.T) {
	c := mustRead(t, "ROLLCALL_FILTER=x", "PATH=/bin", "AZURE_CLIENT_ID= ")
	for _, name := range []string{"ROLLCALL_FILTER", "PATH", "AZURE_CLIENT_ID"} {
		if value, ok := c.LookupEnv(name); ok {
			t.Errorf("%s is returned as %q", name, value)
		}
	}
	c = mustRead(t, "IDENTITY_ENDPOINT=http://127.0.0.1:8081/msi/token", "WEBSITE_SITE_NAME=people", "IDENTITY_HEADER=x")
	for name, want := range map[string]bool{"IDENTITY_ENDPOINT": true, "WEBSITE_SITE_NAME": true, "IDENTITY_HEADER": false} {
		if _, ok := c.LookupEnv(name); ok != want {
			t.Errorf("%s is returned: %t", name, ok)
		}
	}
	if _, ok := (&config.Config{}).LookupEnv("AZURE_CLIENT_ID"); ok {
		t.Error("an empty Config has a variable")
	}
}
