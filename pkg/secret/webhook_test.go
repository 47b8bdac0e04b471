package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	hookKey = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	state   = "a-client-state-0123456789"
)

func TestTheSecretOfWebhooksHoldsCurrentAndNextOfEach(t *testing.T) {
	for text, want := range map[string][3]int{
		`{}`: {}, `{"Other":7}`: {},
		`{"ClientState":"` + state + `","HookKey":"` + hookKey + `"}`:                                                                                       {1, 1, 0},
		` {"clientstate":"` + state + `","ClientStateNext":"` + strings.Repeat("x", 128) + `","SinkKey":"` + hookKey + `","SinkKeyNext":"` + hookKey + `"}`: {2, 0, 2},
	} {
		w, err := secret.ParseWebhook([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := [3]int{len(w.ClientStates), len(w.HookKeys), len(w.SinkKeys)}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		if want[0] == 2 && w.ClientStates[0].Reveal() != state {
			t.Error("the current state is not the first")
		}
	}
}

func TestAWrongSecretOfWebhooksIsNamedAndNotQuoted(t *testing.T) {
	for text, want := range map[string]string{
		``:                         "is not a JSON object",
		`null`:                     "is not a JSON object",
		`[]`:                       "is not a JSON object",
		`{"ClientSta`:              "is not a JSON object",
		`{"ClientState":"s3cr3t"}`: "member ClientState of",
		`{"ClientState":"` + strings.Repeat("s3cr3t", 22) + `"}`: "member ClientState of",
		`{"ClientState":"with s3cr3t space in it"}`:              "member ClientState of",
		`{"ClientState":7}`: "ClientState of the secret of ROLLCALL_WEBHOOK_SECRET is not a text",
		`{"ClientState":"` + state + `","ClientStateNext":"s3cr3t"}`: "member ClientStateNext of",
		`{"HookKey":"s3cr3t"}`: "member HookKey of",
		`{"HookKey":"` + hookKey + `","HookKeyNext":"s3cr3ts3cr3t="}`: "member HookKeyNext of",
		`{"HookKeyNext":"` + hookKey + `"}`:                           "HookKeyNext without a HookKey",
		`{"SinkKey":["s3cr3t"]}`:                                      "SinkKey of the secret of ROLLCALL_WEBHOOK_SECRET is not a text",
	} {
		w, err := secret.ParseWebhook([]byte(text))
		if err == nil || w != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		} else if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), hookKey) {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
}

func TestTheSecretOfWebhooksIsItselfOrASource(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "webhook.json")
	if err := os.WriteFile(kept, []byte(`{"ClientState":"`+state+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`{"ClientState":"` + state + `"}`, "file:" + kept} {
		var s secret.WebhookSource
		if err := s.UnmarshalText([]byte(text)); err != nil || s.IsZero() || s.Inline() == strings.HasPrefix(text, "file:") {
			t.Fatalf("%s: %v", text, err)
		}
		w, err := s.Cache(nil).Get(t.Context())
		if err != nil || len(w.ClientStates) != 1 || w.ClientStates[0].Reveal() != state {
			t.Errorf("%s: %+v, %v", text, w, err)
		}
	}
	var wrong, none secret.WebhookSource
	if err := wrong.UnmarshalText([]byte("env:")); err == nil {
		t.Error("env: is taken")
	}
	if err := wrong.UnmarshalText([]byte(`{"HookKey":"short"}`)); err != nil || !wrong.Inline() {
		t.Errorf("a secret that is written into the variable: %v", err)
	}
	if _, err := wrong.Read(t.Context()); err == nil {
		t.Error("a short key is taken")
	}
	if !none.IsZero() {
		t.Error("none is one")
	}
}

// FuzzParseWebhook has a secret that anybody may have pasted.
func FuzzParseWebhook(f *testing.F) {
	for _, text := range []string{
		`{"SinkKey":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}`, `{"sinkkey":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz","SinkKeyNext":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI0"}`,
		`{"SinkKey":7}`, `{"HookKey":"short"}`, `{"ClientState":null}`, `null`, `[]`, `whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz`, `env:`, `file:/x`, `secretsmanager:x`, `{`, `{"ClientState":"canarycanarycanarycanary!"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := secret.ParseWebhook([]byte(text))
		if (err == nil) != (w != nil) {
			t.Fatalf("%v, %v", w, err)
		}
		wantUnquoted(t, err, text)
		var s secret.WebhookSource
		if err := s.UnmarshalText([]byte(text)); err != nil {
			wantUnquoted(t, err, text)
		}
	})
}

// wantUnquoted fails the test if an error quotes what may be a secret.
func wantUnquoted(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\"{}[]:, ", r) }) {
		if len(word) > 16 && strings.Contains(err.Error(), word) && !strings.Contains("ROLLCALL_WEBHOOK_SECRET secretsmanager", word) {
			t.Fatalf("%v quotes %q", err, word)
		}
	}
}
