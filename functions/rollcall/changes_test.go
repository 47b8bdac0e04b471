package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestChangesGoToABusAndTheResultToStdout(t *testing.T) {
	var sent []string
	eventBridge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Entries []struct{ DetailType string } }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		accepted := make([]map[string]string, len(request.Entries))
		for i, e := range request.Entries {
			sent, accepted[i] = append(sent, e.DetailType), map[string]string{"EventId": "e"}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": 0, "Entries": accepted})
	}))
	defer eventBridge.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": eventBridge.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	tenant := simulator.New(simulator.Config{Users: 120})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	dir := t.TempDir()
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, server.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	c := tenant.Config()
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, log bytes.Buffer
		p := &program{stdout: &out, stderr: &log, environ: []string{
			"ROLLCALL_LOGIN_URL=" + server.URL, "ROLLCALL_GRAPH_URL=" + server.URL, "SSL_CERT_FILE=" + authority,
			"AZURE_TENANT_ID=" + c.Tenant, "AZURE_CLIENT_ID=" + c.ClientID, "AZURE_CLIENT_SECRET=" + c.ClientSecret,
		}}
		if status := p.run(t.Context(), append([]string{"changes", "--sink", "eventbridge://directory", "--state", filepath.Join(dir, "state")}, args...)); status != want {
			t.Fatalf("status %d, want %d: %s", status, want, &log)
		}
		return out.String(), log.String()
	}
	if out, log := run(complete); !strings.HasPrefix(out, `{"status":"complete","kind":"baseline","users":120,`) || !strings.Contains(log, "120 users are known now") || len(sent) > 0 {
		t.Errorf("%s%s%q", out, log, sent)
	}
	if err := tenant.Delete(3); err != nil {
		t.Fatal(err)
	}
	if out, log := run(complete, "--format", "text"); !strings.Contains(out, `"deleted":1`) || !strings.Contains(log, "1 deleted; 119 users") || strings.Join(sent, " ") != "rollcall.user.deleted" {
		t.Errorf("%s%s%q", out, log, sent)
	}
	if out, log := run(complete); !strings.Contains(out, `"deleted":0`) || !strings.Contains(log, "nothing has changed; 119 users") || len(sent) != 1 {
		t.Errorf("%s%s%q", out, log, sent)
	}
	eventBridge.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusBadRequest)
	})
	if err := tenant.Delete(4); err != nil {
		t.Fatal(err)
	}
	if out, log := run(failed); out != "" || !strings.Contains(log, "they are kept, and the next run sends them first") {
		t.Errorf("%s%s", out, log)
	}
}
