package credential_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// prints renders a value in every way that a log or a careless line might.
func prints(t *testing.T, value any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t"} {
		fmt.Fprintf(&b, verb+"\n", value)
		fmt.Fprintf(&b, verb+"\n", &value)
		fmt.Fprintf(&b, verb+"\n", struct{ hidden any }{value})
		fmt.Fprintf(&b, verb+"\n", []any{value})
		fmt.Fprintf(&b, verb+"\n", map[string]any{"key": value})
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("text", "value", value, "group", slog.GroupValue(slog.Any("inner", value)))
	slog.New(slog.NewJSONHandler(&b, nil)).Info("json", "value", value)
	if text, err := json.Marshal(map[string]any{"value": value}); err == nil {
		b.Write(text)
	}
	if text, err := xml.Marshal(value); err == nil {
		b.Write(text)
	}
	return b.String()
}

// wantNoCanary searches for the secret in clear, in hexadecimal and as bytes.
func wantNoCanary(t *testing.T, text string, canaries ...string) {
	t.Helper()
	for _, canary := range canaries {
		bytesText := strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")
		for _, form := range []string{canary, url.QueryEscape(canary), fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), bytesText} {
			if strings.Contains(text, form) {
				t.Errorf("the secret got out: %.400s", text[max(0, strings.Index(text, form)-200):])
				return
			}
		}
	}
}

func TestAnIdentityPrintsNoSecret(t *testing.T) {
	text := secret.NewText(canary)
	for _, value := range []any{
		credential.Identity{ClientSecret: text},
		&credential.Identity{ClientSecret: text},
		[]credential.Identity{{ClientSecret: text}},
		secret.NewCache(secret.Source{}, 0, nil, func(context.Context) (credential.Identity, error) {
			return credential.Identity{ClientSecret: text}, nil
		}),
	} {
		wantNoCanary(t, prints(t, value), canary)
	}
	mixedUp := credential.Identity{TenantID: canary, ClientID: canary, ClientSecret: text, KeyID: canary}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("identity", "value", mixedUp)
	marshalled, err := json.Marshal([]any{mixedUp, &mixedUp})
	if err != nil {
		t.Fatal(err)
	}
	wantNoCanary(t, fmt.Sprintf("%v %+v %#v %s %q", mixedUp, &mixedUp, mixedUp, []credential.Identity{mixedUp}, mixedUp)+b.String()+string(marshalled), canary)
}

// TestNothingOfTheSecretOrATokenGetsOut drives a credential through success and
// failure and searches everything that it logged, returned and can be printed as.
func TestNothingOfTheSecretOrATokenGetsOut(t *testing.T) {
	for name, before := range map[string]func(n int, form url.Values) (*http.Response, error){
		"works":     nil,
		"rejected":  func(int, url.Values) (*http.Response, error) { return refusal401(wrongSecret), nil },
		"expired":   func(int, url.Values) (*http.Response, error) { return refusal401(expiredSecret), nil },
		"unknown":   func(int, url.Values) (*http.Response, error) { return errorAnswer(400, canary, 1), nil },
		"throttled": func(int, url.Values) (*http.Response, error) { return errorAnswer(429, "x", 90055), nil },
		"broken":    func(int, url.Values) (*http.Response, error) { return answer(502, canary), nil },
		"not JSON":  func(int, url.Values) (*http.Response, error) { return answer(200, canary), nil },
		"network":   func(int, url.Values) (*http.Response, error) { return nil, errors.New("proxy " + canary) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				p, e := environ(canary), &entra{secret: canary, before: before}
				c := newCredential(t, p, e, func(cfg *credential.Config) {
					cfg.Log = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				var out strings.Builder
				for range 2 {
					token, err := c.Token(t.Context(), "", "")
					if (err == nil) != (before == nil) {
						t.Fatalf("error %v", err)
					}
					if err != nil {
						out.WriteString(err.Error() + fmt.Sprintf("%v %+v %s %q", err, err, err, err) + prints(t, fmt.Errorf("list users: %w", err)))
					}
					_ = token
					p.put("AZURE_CLIENT_SECRET", "")
					time.Sleep(time.Hour)
				}
				id, _ := c.Identity(t.Context())
				out.WriteString(prints(t, c) + prints(t, c.Source()) + prints(t, id) + logs.String())
				wantNoCanary(t, out.String(), canary, "token-1", "token-2")
				if logs.Len() == 0 {
					t.Error("nothing was logged, so nothing was searched")
				}
			})
		})
	}
}
