package secret_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	canary  = "Zq8Q~canary.Secret_0123456789-abcdefghij"
	testARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall/entra-AbCdEf"
)

func TestASourceIsReadAndWrittenTheSameWay(t *testing.T) {
	for text, want := range map[string]secret.Source{
		"env:":                                          {Scheme: secret.Environment},
		" ENV: \n":                                      {Scheme: secret.Environment},
		"file:secret.json":                              {Scheme: secret.File, Name: "secret.json"},
		"file:/etc/rollcall.json":                       {Scheme: secret.File, Name: "/etc/rollcall.json"},
		"file:///etc/rollcall.json":                     {Scheme: secret.File, Name: "/etc/rollcall.json"},
		"secretsmanager:rollcall/entra":                 {Scheme: secret.SecretsManager, Name: "rollcall/entra"},
		"secretsmanager:" + testARN:                     {Scheme: secret.SecretsManager, Name: testARN},
		"secretsmanager:a?stage=AWSPREVIOUS":            {Scheme: secret.SecretsManager, Name: "a", Stage: "AWSPREVIOUS"},
		"secretsmanager:a?stage=AWSCURRENT&version=v-1": {Scheme: secret.SecretsManager, Name: "a", Stage: "AWSCURRENT", Version: "v-1"},
		"secretsmanager:arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:x": {Scheme: secret.SecretsManager, Name: "arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:x"},
	} {
		got, err := secret.ParseSource(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
		var reread secret.Source
		if err := reread.UnmarshalText([]byte(got.String())); err != nil || reread != got {
			t.Errorf("%q is written %q, which is read %v, %v", text, got, reread, err)
		}
	}
}

func TestAWrongSourceIsNamedWithItsRemedy(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"", "no scheme"},
		{"rollcall/entra", "no scheme"},
		{"vault:x", "unknown scheme vault:"},
		{"keyvault:https://v/secrets/x", "keyvault: is not available in this version"},
		{"managed-identity:", "managed-identity: is not available in this version"},
		{"env:AZURE", "takes nothing"},
		{"file:", "names no file"},
		{"file://host/x", "names no file on this machine"},
		{"secretsmanager:", "names no secret"},
		{"secretsmanager:?stage=x", "names no secret"},
		{"secretsmanager:arn:aws:ssm:eu-west-1:1:parameter/x", "ARN of a Secrets Manager secret"},
		{"secretsmanager:a b", "character"},
		{"secretsmanager:a?label=x", `unknown parameter "label"`},
		{"secretsmanager:a?Stage=x", `unknown parameter "Stage"`},
		{"secretsmanager:a?stage=", "needs one value"},
		{"secretsmanager:a?stage=x&stage=y", "needs one value"},
		{"secretsmanager:a?%zz", "not a query"},
	} {
		text, want := row.text, row.want
		_, err := secret.ParseSource(text)
		var e *secret.SourceError
		if !errors.As(err, &e) || e.Remedy == "" || e.Name() != "Config.Invalid" {
			t.Errorf("%q: %v", text, err)
			continue
		}
		mustContain(t, err.Error(), want)
	}
}

func TestASecretPastedAsTheSourceIsNotQuoted(t *testing.T) {
	for _, text := range []string{canary, `{"ClientSecret":"` + canary + `"}`, canary + ":x", "secretsmanager:{" + canary + "}"} {
		_, err := secret.ParseSource(text)
		if err == nil {
			t.Fatalf("%q was taken", text)
		}
		mustNotContain(t, err.Error(), canary)
	}
}

func mustContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
}

func mustNotContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q holds %q", text, part)
		}
	}
}
