package secret_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	hookKey = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	state   = "a-client-state-0123456789"
)

func TestTheSecretOfWebhooksHoldsCurrentAndNextOfEach(t *testing.T) {
	for text, want := range map[string][3]int{
		`{}`: {}, `{"Other":7,"Nested":{"HookKey":7}}`: {}, `{"ClientState":null,"HookKey":" ","HookKeyNext":""}`: {},
		"\xef\xbb\xbf" + `{"ClientState":" ` + state + `\n","clientState":"` + state + `"}` + "\r\n":                                                        {1, 0, 0},
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
		`{"HookKey":"` + hookKey + `","HookKeyNext":"s3cr3ts3cr3t="}`:         "member HookKeyNext of",
		`{"HookKeyNext":"` + hookKey + `"}`:                                   "HookKeyNext without a HookKey",
		`{"ClientState":"` + state + `"} s3cr3t`:                              "something after its JSON object",
		`{"ClientState":"` + state + `","clientState":"` + state + `s3cr3t"}`: "ClientState of the secret of ROLLCALL_WEBHOOK_SECRET is there twice",
		`{"Other":"` + strings.Repeat("s3cr3t", 11000) + `"}`:                 "larger than 64 KiB",
		`{"HookKey":` + strings.Repeat("[", 20_000):                           "is not a JSON object",
		`{"SinkKey":["s3cr3t"]}`:                                              "SinkKey of the secret of ROLLCALL_WEBHOOK_SECRET is not a text",
	} {
		w, err := secret.ParseWebhook([]byte(text))
		var named *secret.Error
		if w != nil || !errors.As(err, &named) || named.Kind != secret.Malformed || named.Advice == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: %v, want %s", text, err, want)
		} else if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), hookKey) {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
}

func TestTheSecretOfWebhooksCannotBePrinted(t *testing.T) {
	text := []byte(`{"ClientState":"` + state + `","HookKey":"` + hookKey + `"}`)
	w, err := secret.ParseWebhook(text)
	if err != nil {
		t.Fatal(err)
	}
	var s secret.WebhookSource
	if err := s.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	key := []byte("012345678901234567890123")
	mustNotContain(t, prints(t, w)+prints(t, *w)+prints(t, s), state, hookKey[6:], string(key), fmt.Sprintf("%x", key), strings.Trim(fmt.Sprint(key), "[]"))
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
	if err := wrong.UnmarshalText([]byte(`{"HookKey":"short"}`)); err == nil || !wrong.IsZero() {
		t.Errorf("a short key is taken: %v", err)
	}
	if err := os.WriteFile(kept, []byte(`{"HookKey":"short"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var source secret.WebhookSource
	if err := source.UnmarshalText([]byte("file:" + kept)); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "member HookKey") || !strings.Contains(err.Error(), "file:"+kept) {
		t.Errorf("where a short key is kept: %v", err)
	}
	if _, err := none.Read(t.Context()); err == nil || !none.IsZero() {
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

// keyVault is a Key Vault that keeps one text.
type keyVault struct{ text string }

func (keyVault) Check(secret.Source) error { return nil }

func (v keyVault) Read(context.Context, secret.Source) ([]byte, time.Time, error) {
	return []byte(v.text), time.Time{}, nil
}

func TestTheSecretOfWebhooksMayBeInAVault(t *testing.T) {
	var s secret.WebhookSource
	if err := s.UnmarshalText([]byte("keyvault:https://people.vault.azure.net/secrets/hooks")); err != nil {
		t.Fatal(err)
	}
	var wrong *secret.SourceError
	if err := s.Check(); !errors.As(err, &wrong) {
		t.Errorf("without access to vaults: %v", err)
	}
	s = s.Via(secret.Access{Vault: keyVault{`{"ClientState":"the-client-state-0123456789"}`}})
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if w, err := s.Read(t.Context()); err != nil || len(w.ClientStates) != 1 {
		t.Errorf("%+v, %v", w, err)
	}
}
