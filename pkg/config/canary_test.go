package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "Zq8Q~canary.Secret_0123456789"

func TestAConfigShowsNothingThatIsSecret(t *testing.T) {
	c := mustRead(t, "AZURE_TENANT_ID="+canary, "AZURE_CLIENT_ID="+canary, "AZURE_CLIENT_SECRET="+canary,
		"ROLLCALL_FILTER=userPrincipalName eq '"+canary+"'", "ROLLCALL_CREDENTIALS=file:"+canary)
	if value, ok := c.LookupEnv("AZURE_CLIENT_SECRET"); !ok || value != canary {
		t.Fatalf("the secret is not handed on: %q", value)
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
		t.Errorf("it got out: %s", text)
	}
}

func TestOnlyAzureVariablesAreHandedOn(t *testing.T) {
	c := mustRead(t, "ROLLCALL_FILTER=x", "PATH=/bin", "AZURE_CLIENT_ID= ")
	for _, name := range []string{"ROLLCALL_FILTER", "PATH", "AZURE_CLIENT_ID"} {
		if value, ok := c.LookupEnv(name); ok {
			t.Errorf("%s is handed on as %q", name, value)
		}
	}
	if _, ok := (&Config{}).LookupEnv("AZURE_CLIENT_ID"); ok {
		t.Error("an empty Config knows a variable")
	}
}

func FuzzAnyValueGivesAConfigOrAnError(f *testing.F) {
	for _, seed := range []string{"", "public", "https://host", "id,mail?", "0.05%", "12", "true", "env:", "@Microsoft.KeyVault(", "\x00", "a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"CLOUD", "LOGIN_URL", "GRAPH_URL", "SELECT", "PAGE_SIZE", "COUNT_SLACK", "ALLOW_ANONYMOUS", "RESPONSE", "CREDENTIALS", "FILTER", value} {
			c, err := Read([]string{prefix + name + "=" + value})
			if (c == nil) == (err == nil) {
				t.Fatalf("config %v and error %v", c, err)
			}
			if err != nil {
				continue
			}
			if c.PageSize < 1 || c.PageSize > 999 || len(c.Select) == 0 || !strings.HasPrefix(c.LoginURL, "https://") || c.CountSlack.Users > c.PageSize/2 {
				t.Fatalf("%s=%q was taken as %v", name, value, c.LogValue())
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	environ := []string{"PATH=/bin", "ROLLCALL_CREDENTIALS=secretsmanager:rollcall/entra"}
	for b.Loop() {
		if _, err := Read(environ); err != nil {
			b.Fatal(err)
		}
	}
}
