package readme_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/webhook"
)

// started has the inputs of the jobs that hooks have started.
type started []string

// Send takes what is started.
func (s *started) Send(_ context.Context, entries []bus.Entry) ([]bus.Failure, error) {
	for _, e := range entries {
		*s = append(*s, string(e.Body))
	}
	return nil, nil
}

// TestTheCommandsThatSignAHookStartAJob runs those of docs/webhook.md.
func TestTheCommandsThatSignAHookStartAJob(t *testing.T) {
	const known = "d2ViaG9vay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM="
	text, err := os.ReadFile(filepath.Join(harness.Path(t), "docs", "webhook.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(text), "```sh\nkey=")
	script, _, closed := strings.Cut("key="+script, "```")
	if !found || !closed {
		t.Fatal("docs/webhook.md has no commands that sign a hook")
	}
	for key, wrong := range map[string]bool{known: false, "YW5vdGhlci1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM=": true} {
		var jobs started
		w, err := secret.ParseWebhook([]byte(`{"HookKey":"whsec_` + known + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(webhook.New(webhook.Config{
			Changes: &jobs, Log: slog.New(slog.DiscardHandler),
			Secret: secret.NewCache(secret.Source{}, 0, nil, func(context.Context) (*secret.Webhook, error) { return w, nil }),
		}))
		filled := strings.NewReplacer("<base64 of HookKey, without whsec_>", key, "https://<id>.execute-api.<region>.amazonaws.com", server.URL).Replace(script)
		command := process.NewCommand(t.Context(), "sh", "-e", "-c", filled)
		command.Env = process.CleanEnviron("SSL_CERT_FILE")
		out, err := command.CombinedOutput()
		server.Close()
		if strings.Contains(filled, "<") || (err != nil) != wrong || (len(jobs) == 1) == wrong || !wrong && jobs[0] != "{}" {
			t.Errorf("a wrong key: %t; %v, jobs %v:\n%s\n%s", wrong, err, jobs, filled, out)
		}
	}
}
