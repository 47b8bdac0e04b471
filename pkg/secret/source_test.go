package secret_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	vaultVersion = "0123456789abcdef0123456789ABCDEF"

	canary  = "Zq8Q~canary.Secret_0123456789-abcdefghij"
	testARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall/entra-AbCdEf"
)

func TestASourceIsReadAndWrittenTheSameWay(t *testing.T) {
	for text, want := range map[string]secret.Source{
		"env:":     {Scheme: secret.Environment},
		" ENV: \n": {Scheme: secret.Environment},
		"keyvault:https://people.vault.azure.net/secrets/entra":                       {Scheme: secret.KeyVault, Name: "https://people.vault.azure.net/secrets/entra"},
		"KeyVault:HTTPS://People.Vault.Azure.NET:443/secrets/Entra-1/":                {Scheme: secret.KeyVault, Name: "https://people.vault.azure.net/secrets/Entra-1"},
		"keyvault:https://people.vault.azure.net/secrets/entra/" + vaultVersion + "/": {Scheme: secret.KeyVault, Name: "https://people.vault.azure.net/secrets/entra", Version: vaultVersion},
		"keyvault:https://127.0.0.1:8443/secrets/entra":                               {Scheme: secret.KeyVault, Name: "https://127.0.0.1:8443/secrets/entra"},
		"managed-identity:": {Scheme: secret.ManagedIdentity},
		"Managed-Identity:8E3E0B1C-51D8-4A6C-9D5E-0A1B2C3D4E5F": {Scheme: secret.ManagedIdentity, Name: "8e3e0b1c-51d8-4a6c-9d5e-0a1b2c3d4e5f"},
		"file:secret.json":                                                      {Scheme: secret.File, Name: "secret.json"},
		"file:/etc/rollcall.json":                                               {Scheme: secret.File, Name: "/etc/rollcall.json"},
		"file:///etc/rollcall.json":                                             {Scheme: secret.File, Name: "/etc/rollcall.json"},
		"secretsmanager:rollcall/entra":                                         {Scheme: secret.SecretsManager, Name: "rollcall/entra"},
		"secretsmanager:" + testARN:                                             {Scheme: secret.SecretsManager, Name: testARN},
		"secretsmanager:a?stage=AWSPREVIOUS":                                    {Scheme: secret.SecretsManager, Name: "a", Stage: "AWSPREVIOUS"},
		"secretsmanager:a?stage=AWSCURRENT&version=v-1":                         {Scheme: secret.SecretsManager, Name: "a", Stage: "AWSCURRENT", Version: "v-1"},
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
		{"keyvault:", "keyvault: holds a URL that is not an https URL"},
		{"keyvault:people", "is not an https URL"},
		{"keyvault:http://people.vault.azure.net/secrets/entra", "is not an https URL"},
		{"keyvault:http://127.0.0.1/secrets/entra", "is not an https URL"},
		{"keyvault:https://" + canary + "@people.vault.azure.net/secrets/entra", "carries a user name or password"},
		{"keyvault:https://people.v\u0430ult.azure.net/secrets/entra", "plain ASCII"},
		{"keyvault:https://people.vault.azure.net./secrets/entra", "dot at its end"},
		{"keyvault:https://people.vault.azure.net/secrets/entra?api-version=7.4", "a query or a fragment"},
		{"keyvault:https://people.vault.azure.net/secrets/entra#" + canary, "a query or a fragment"},
		{"keyvault:https://people.vault.azure.net", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets//", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/keys/entra", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets/../keys/entra", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets/entra/v1", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets/entra/" + vaultVersion + "/x", "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets/entra%2f.." + canary, "not that of a secret"},
		{"keyvault:https://people.vault.azure.net/secrets/" + strings.Repeat("e", 128), "not that of a secret"},
		{"keyvault:https://%zz" + canary, "holds no URL"},
		{"managed-identity:rollcall", "the client id of a user-assigned identity, a GUID"},
		{"managed-identity:{8e3e0b1c-51d8-4a6c-9d5e-0a1b2c3d4e5f}", "a GUID"},
		{"managed-identity:" + canary, "a GUID"},
		{"env:AZURE", "takes nothing"},
		{"file:", "names no file"},
		{"file://host/x", "names no file on this machine"},
		{"secretsmanager:", "names no secret"},
		{"secretsmanager:?stage=x", "names no secret"},
		{"secretsmanager:arn:aws:ssm:eu-west-1:1:parameter/x", "ARN of a Secrets Manager secret"},
		{"secretsmanager:a b", "character"},
		{"secretsmanager:a?label=x", `unknown parameter "label"`},
		{"secretsmanager:a?" + canary + "=x", "unknown parameter; "},
		{"secretsmanager:a?stage=" + canary, "parameter stage cannot have"},
		{"secretsmanager:a?version=a%0ab", "parameter version cannot have"},
		{"secretsmanager:arn:aws:secretsmanager:eu-west-1.evil.example#:1:secret:x", "ARN of a Secrets Manager secret"},
		{"secretsmanager:arn:aws:secretsmanager:eu-west-1\u200b:1:secret:x", "ARN of a Secrets Manager secret"},
		{"secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:x\u200b", "character"},
		{"secretsmanager:rollcall:entra", "character"},
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
		mustNotContain(t, err.Error(), canary)
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

// FuzzASourceIsPlainOrAnErrorThatQuotesNoSecret reads any text as a source.
func FuzzASourceIsPlainOrAnErrorThatQuotesNoSecret(f *testing.F) {
	for _, seed := range []string{
		"env:", "file:/x", "file:///etc/x", "secretsmanager:a?stage=b&version=c", "secretsmanager:" + testARN, "secretsmanager:a?" + canary,
		"secretsmanager:arn:aws:secretsmanager:eu-west-1.evil:1:secret:x", canary, canary + ":", "keyvault:https://" + canary, "keyvault:https://people.vault.azure.net/secrets/entra/" + vaultVersion, "ENV:" + canary, "file:////" + canary,
		"managed-identity:" + canary, "managed-identity:8E3E0B1C-51D8-4A6C-9D5E-0A1B2C3D4E5F", "secretsmanager:a?stage=" + canary, "secretsmanager:a?%zz" + canary, "secretsmanager:arn:aws:secretsmanager:k\u212a:1:secret:x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := secret.ParseSource(text)
		var wrong *secret.SourceError
		if err != nil {
			if !errors.As(err, &wrong) || wrong.Remedy == "" || strings.Contains(err.Error(), canary) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := secret.ParseSource(source.String()); err != nil || again != source {
			t.Errorf("%q is written %q, which is read %v, %v", text, source, again, err)
		}
		if source.Scheme != secret.File && strings.ContainsFunc(source.String(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q gives %q", text, source)
		}
	})
}
