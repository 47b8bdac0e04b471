package credential

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall/entra-AbCdEf"

func TestASourceIsReadAndWrittenTheSameWay(t *testing.T) {
	for text, want := range map[string]Source{
		"env:":                                          {Scheme: Environment},
		" ENV: \n":                                      {Scheme: Environment},
		"file:secret.json":                              {Scheme: File, Name: "secret.json"},
		"file:/etc/rollcall.json":                       {Scheme: File, Name: "/etc/rollcall.json"},
		"file:///etc/rollcall.json":                     {Scheme: File, Name: "/etc/rollcall.json"},
		"secretsmanager:rollcall/entra":                 {Scheme: SecretsManager, Name: "rollcall/entra"},
		"secretsmanager:" + testARN:                     {Scheme: SecretsManager, Name: testARN},
		"secretsmanager:a?stage=AWSPREVIOUS":            {Scheme: SecretsManager, Name: "a", Stage: "AWSPREVIOUS"},
		"secretsmanager:a?stage=AWSCURRENT&version=v-1": {Scheme: SecretsManager, Name: "a", Stage: "AWSCURRENT", Version: "v-1"},
		"secretsmanager:arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:x": {Scheme: SecretsManager, Name: "arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:x"},
	} {
		got, err := ParseSource(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
		if again, err := ParseSource(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q, which is read %v, %v", text, got, again, err)
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
		_, err := ParseSource(text)
		var e *SourceError
		if !errors.As(err, &e) || e.Remedy == "" || e.Name() != "Config.Invalid" {
			t.Errorf("%q: %v", text, err)
			continue
		}
		mustContain(t, err.Error(), want)
	}
}

func TestASecretPastedAsTheSourceIsNotQuoted(t *testing.T) {
	for _, text := range []string{canary, `{"ClientSecret":"` + canary + `"}`, canary + ":x", "secretsmanager:{" + canary + "}"} {
		_, err := ParseSource(text)
		if err == nil {
			t.Fatalf("%q was taken", text)
		}
		mustNotContain(t, err.Error(), canary)
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	p := newPlace(canary)
	env := Source{Scheme: Environment}
	for name, cfg := range map[string]Config{
		"no source":        {},
		"no lookup":        {Source: env},
		"plain http":       {Source: env, LookupEnv: p.lookup, LoginURL: "http://login.example"},
		"a path":           {Source: env, LookupEnv: p.lookup, LoginURL: "https://login.example/tenant"},
		"a password":       {Source: env, LookupEnv: p.lookup, LoginURL: "https://hunter2@login.example"},
		"not a URL at all": {Source: env, LookupEnv: p.lookup, LoginURL: "https://%zz"},
	} {
		_, err := New(cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		mustNotContain(t, err.Error(), "hunter2")
	}
}
