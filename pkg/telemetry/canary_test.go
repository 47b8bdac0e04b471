package telemetry_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// The canaries, put together here so that scanners do not take them for real.

func canaryJWT() string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"https://graph.microsoft.com"}`)) + "." + strings.Repeat("c2lnbmF0dXJl", 8)
}

func canarySkip() string { return "RFNwdA" + strings.Repeat("oAAQAAAAAAAAAA", 4) }

func canarySecret() string { return "Zq8" + "8Q~" + strings.Repeat("canaryCanary", 3) }

func canaryOpaque() string { return "opaque-token-" + strings.Repeat("z", 20) }

const (
	canaryMail  = "zoe.canary@contoso.example"
	canaryGuest = "zoe.canary_fabrikam.example#EXT#@contoso.onmicrosoft.com"
)

func canaries() []string {
	return []string{canaryJWT(), canarySkip(), canarySecret(), canaryOpaque(), "zoe.canary"}
}

type person struct {
	ID          string
	DisplayName string
	Mail        string `json:"mail"`
	Nested      *person
}

type revealing struct{ S string }

func (r revealing) Reveal() string { return r.S }

type panicking struct{}

func (panicking) String() string { panic(canaryMail) }

func TestNothingSensitiveGetsThrough(t *testing.T) {
	link := "https://graph.microsoft.com/v1.0/users?$top=999&$skiptoken=" + canarySkip()
	cycle := map[string]any{"mail": canaryMail}
	cycle["self"] = cycle
	attrs := []slog.Attr{
		slog.String("Authorization", canaryOpaque()),
		slog.String("accessToken", canaryOpaque()), slog.String("client-secret", canaryOpaque()), slog.String("PASSWORD", canaryOpaque()),
		slog.String("client_assertion", canaryOpaque()), slog.String("Set-Cookie", canaryOpaque()), slog.String("userPrincipalName", canaryOpaque()),
		slog.String("a", canaryJWT()), slog.String("b", "Bearer "+canaryOpaque()), slog.String("c", link), slog.String("d", url.QueryEscape(link)),
		slog.String("e", "x "+canaryMail+"."), slog.String("f", canaryGuest), slog.String("g", url.QueryEscape(canaryGuest)),
		slog.String("h", "grant_type=client_credentials&client_secret="+url.QueryEscape(canaryOpaque())+"&x=1"),
		slog.String("i", `{"access_token":"`+canaryOpaque()+`","expires_in":1}`), slog.String("j", `{\"ClientSecret\": \"`+canaryOpaque()+`\"}`),
		slog.String("k", "secret "+canarySecret()), slog.String("l", "$skiptoken=X'"+canaryOpaque()+"'"), slog.String("m", "Authorization: Basic "+canaryOpaque()),
		slog.Any("n", errors.New("no user "+canaryMail)), slog.Any("o", fmt.Errorf("get %s: %w", link, errors.New(canaryJWT()))),
		slog.Any("p", person{ID: "1", DisplayName: "zoe.canary", Mail: canaryMail, Nested: &person{DisplayName: "zoe.canary"}}),
		slog.Any("q", map[string]any{"token": canaryOpaque(), "list": []any{canaryJWT(), map[string]string{canaryMail: canaryMail}}}),
		slog.Any("r", http.Header{"Authorization": {canaryOpaque()}, "X": {canaryJWT()}}), slog.Any("s", []string{canaryMail, canaryJWT()}),
		slog.Any("t", revealing{canaryOpaque()}), slog.Any("u", []byte(canaryOpaque())), slog.Any("v", json.RawMessage(`{"displayName":"zoe.canary"}`)),
		slog.Any("w", &url.URL{Scheme: "https", Host: "h", RawQuery: "$skiptoken=" + canarySkip()}), slog.Any("x", cycle), slog.Any("y", panicking{}),
		slog.Any("z", func() string { return canaryOpaque() }), slog.Any("request", &http.Request{Header: http.Header{"Authorization": {canaryOpaque()}}}),
		slog.Group("token", slog.String("value", canaryOpaque()), slog.Group("inner", slog.String("x", canaryOpaque()))),
		slog.Group("outer", slog.Group("inner", slog.String("mail", canaryOpaque()), slog.String("x", canaryJWT()))),
		slog.Any("redactedValuer", slog.AnyValue(known{slog.StringValue(canaryMail)})),
	}
	for _, format := range []string{"JSON", "Text"} {
		for _, attr := range attrs {
			var b bytes.Buffer
			log := telemetry.New(&b, telemetry.Options{Format: format})
			log.LogAttrs(t.Context(), slog.LevelInfo, "message", attr)
			log.With(attr).WithGroup("g").With(attr).Info("message", attr)
			// An opaque text is known by its key only, which a message has not.
			if attr.Value.Kind() == slog.KindString && attr.Value.String() != canaryOpaque() {
				log.Info("message " + attr.Value.String())
			}
			for _, canary := range canaries() {
				if strings.Contains(b.String(), canary) {
					t.Errorf("%s %s: %s got out: %s", format, attr.Key, canary, b.String())
				}
			}
			if lines := strings.Count(b.String(), "\n"); lines < 2 {
				t.Errorf("%s %s: %d lines", format, attr.Key, lines)
			}
		}
	}
}

// scrubbed is a text as a record shows it.
func scrubbed(t *testing.T, text string) string {
	t.Helper()
	got, _ := logged(t, func(l *slog.Logger) { l.Info(text) })["message"].(string)
	return got
}

func TestWhatIsHarmlessStays(t *testing.T) {
	for _, text := range []string{
		"", "1000 users, complete (verified against $count)", "secretsmanager:rollcall/entra?stage=AWSCURRENT",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall/entra-AbCdEf", "@odata.nextLink comes before value",
		`{"@odata.count":12}`, "keyJobs and Bearer of news", "github.com/Azure/azure-sdk-for-go@v1.2.3", "$select=id,userPrincipalName,mail",
		"3c0e5f1a-aaaa-4bbb-8ccc-000000000003", "Authorization_RequestDenied", "the client secret has expired (AADSTS7000222)",
		"a @ b.com", "user@host", "Q~", "12Q~short", "100%40", "Zoë Müller", "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token",
	} {
		if got := scrubbed(t, text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	got := logged(t, func(l *slog.Logger) {
		l.Info("m", "tokens", 3, "secretExpires", true, "values", map[string]any{"tokenCount": 3, "n": 1.5, "ok": nil}, "nothing", nil)
	})
	if got["tokens"] != 3.0 || got["secretExpires"] != true || fmt.Sprint(got["values"]) != "map[n:1.5 ok:<nil> tokenCount:3]" {
		t.Errorf("%v", got)
	}
}

func TestOnlyTheSensitivePartIsReplaced(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"get user " + canaryMail + ", then stop.", "get user [redacted], then stop."},
		{"<" + canaryMail + "> (" + canaryGuest + ")", "<[redacted]> ([redacted])"},
		{"client_secret=abc&scope=x", "client_secret=[redacted]&scope=x"},
		{"CLIENT_SECRET = 'abc', scope=x", "CLIENT_SECRET = '[redacted]', scope=x"},
		{`{"access_token":"a\"b","expires_in":3599}`, `{"access_token":"[redacted]","expires_in":3599}`},
		{"?$skiptoken=X'4453707402'&$top=5", "?$skiptoken=[redacted]&$top=5"},
		{"Authorization: Bearer abcdef\nHost: x", "Authorization: [redacted]\nHost: x"},
		{"sent Bearer " + canaryOpaque() + " to x", "sent Bearer [redacted] to x"},
		{"https://user:pw@host.example/x", "https://user:[redacted]/x"},
		{"token " + canaryJWT() + " refused", "token [redacted] refused"},
		{"zoë@müller.example", "[redacted]"},
	} {
		text, want := row.text, row.want
		if got := scrubbed(t, text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestALongTextIsCut(t *testing.T) {
	if got := scrubbed(t, strings.Repeat("é", 32<<10)); len(got) > 32<<10+len(" [cut]") || !strings.HasSuffix(got, "é [cut]") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-10:])
	}
}

func FuzzCanariesNeverGetThrough(f *testing.F) {
	f.Add("", "")
	f.Add("https://graph.microsoft.com/v1.0/users?$skiptoken=", "&$top=1")
	f.Add(`{"mail":"`, `"}`)
	f.Add("\xff@", "@\xff")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, canary := range []string{canaryJWT(), canarySkip(), canarySecret(), canaryMail, canaryGuest} {
			text := before + " " + canary + " " + after
			if len(text) > 32<<10 {
				return
			}
			var b bytes.Buffer
			telemetry.New(&b, telemetry.Options{}).Info(text, "value", text, "error", errors.New(text), "any", []string{text})
			if strings.Contains(b.String(), canary) {
				t.Errorf("%q got out of %q", canary, b.String())
			}
			if !json.Valid(b.Bytes()) {
				t.Errorf("not JSON: %q", b.String())
			}
		}
	})
}
