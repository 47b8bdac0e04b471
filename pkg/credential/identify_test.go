package credential_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

func TestWhatIsOnlyInformativeWarnsAndNeverBlocks(t *testing.T) {
	whole := `"TenantID":"` + testTenant + `","ClientID":"` + testClient + `","ClientSecret":"` + canary + `"`
	for _, row := range []struct{ field, want string }{
		{`"expires":1798675200`, "ExpiresAt is not a text"},
		{`"ExpiresAt":1.8e9`, "ExpiresAt is not a text"},
		{`"ExpiresAt":{"year":2027}`, "ExpiresAt is not a text"},
		{`"ExpiresAt":["2027-01-31T00:00:00Z"]`, "ExpiresAt is not a text"},
		{`"ExpiresAt":true`, "ExpiresAt is not a text"},
		{`"ExpiresAt":"31/01/2027"`, "ExpiresAt is not a time"},
		{`"endDate":"next year"`, "ExpiresAt is not a time"},
		{`"ExpiresAt":"2027-13-41T00:00:00Z"`, "ExpiresAt is not a time"},
		{`"ExpiresAt":"` + canary + `"`, "ExpiresAt is not a time"},
		{`"expires":"2027-01-31T00:00:00Z","endDateTime":"2028-01-31T00:00:00Z"`, "two different values for ExpiresAt, in expires and endDateTime"},
		{`"KeyID":7`, "KeyID is not a text"},
		{`"Certificate":"-----BEGIN CERTIFICATE"`, "ClientSecret is used: the Certificate beside it, in Certificate, is not; remove one of them"},
		{`"AZURE_CLIENT_CERTIFICATE_PATH":"/x.pem"`, "ClientSecret is used: the CertificatePath beside it, in AZURE_CLIENT_CERTIFICATE_PATH"},
		{`"ClientCertificates":[{"SourceType":"KeyVault"}]`, "ClientSecret is used"},
		{`"Federation":{"issuer":"x"}`, "ClientSecret is used: the Federation beside it"},
		{`"KMSKeyID":"alias/x"`, "ClientSecret is used: the KMSKeyID beside it"},
		{`"KeyVaultKeyID":"https://people.vault.azure.net/keys/x"`, "ClientSecret is used: the KeyVaultKeyID beside it"},
		{`"authority":"https://login.okta.example/` + testTenant + `"`, "authority names a host that is neither"},
		{`"issuer":"https://login.m\u0130crosoftonline.com/` + testTenant + `"`, "issuer names a host that is neither"},
	} {
		got, err := read(t, `{`+whole+`,`+row.field+`}`)
		if err != nil {
			t.Errorf("%s: %v", row.field, err)
			continue
		}
		if got.ClientSecret.Reveal() != canary || len(got.Warnings) != 1 {
			t.Errorf("%s: %v, warnings %q", row.field, got, got.Warnings)
			continue
		}
		mustContain(t, got.Warnings[0], row.want)
		mustNotContain(t, got.Warnings[0], canary, testTenant, "x.pem", "okta")
	}
}

func TestAWarningIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		p := environ(canary)
		p.put("AZURE_CLIENT_CERTIFICATE_PATH", "/x.pem")
		c := newCredential(t, p, nil, func(cfg *credential.Config) { cfg.Log = slog.New(slog.NewTextHandler(&logs, nil)) })
		for range 3 {
			id, err := c.Identity(t.Context())
			if err != nil || len(id.Warnings) != 1 {
				t.Fatalf("%v, %q", err, id.Warnings)
			}
			time.Sleep(time.Hour)
		}
		if n := strings.Count(logs.String(), "level=WARN"); n != 1 || !strings.Contains(logs.String(), "ClientSecret is used") {
			t.Errorf("%d warnings: %s", n, &logs)
		}
	})
}

func TestASecretThatLooksLikeASecretIDIsAWarning(t *testing.T) {
	got, err := read(t, `{"TenantID":"`+testTenant+`","ClientID":"`+testClient+`","ClientSecret":"`+testTrace+`"}`)
	if err != nil || len(got.Warnings) != 1 {
		t.Fatalf("%v, %q", err, got.Warnings)
	}
	mustContain(t, got.Warnings[0], "ClientSecret is a GUID, as Secret IDs are")
	mustNotContain(t, got.Warnings[0], testTrace)
}

func TestWhatCannotBeSeenIsRefusedByItsCodePoint(t *testing.T) {
	values := map[string]string{"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": testClient, "AZURE_CLIENT_SECRET": canary}
	for variable, field := range map[string]string{"AZURE_TENANT_ID": "TenantID", "AZURE_CLIENT_ID": "ClientID", "AZURE_CLIENT_SECRET": "ClientSecret"} {
		for _, r := range "\u0000\u0009\u000a\u000d\u001b\u007f\u0085\u00a0\u00ad\u034f\u061c\u115f\u1680\u17b4\u180b\u180e\u2000\u2007\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u202f\u205f\u2060\u2063\u2066\u2069\u206a\u2800\u3000\u3164\ue000\ufe0f\ufeff\uffa0\ufff9\ufffc\ufffd\U000e0041\U000e0100\U0010ffff" {
			if r == '\ufffc' {
				continue // a symbol that can be seen
			}
			for _, position := range []int{0, 1, 9, len(values[variable])} {
				p, e := environ(canary), &entra{secret: canary}
				text := values[variable]
				pasted := text[:position] + string(r) + text[position:]
				if strings.TrimSpace(pasted) == text {
					continue // white space around a value does not count
				}
				p.put(variable, pasted)
				_, err := newCredential(t, p, e).Token(t.Context(), "", "")
				got := wantUnread(t, err, secret.Malformed)
				mustContain(t, got.Error(), fmt.Sprintf("%s contains the character %U", field, r))
				mustNotContain(t, got.Error(), testTenant, testClient, canary, string(r))
				if tokens, documents := e.count(); tokens+documents > 0 {
					t.Errorf("%U in %s: %d requests were made", r, field, tokens+documents)
				}
			}
		}
	}
}

func TestAClientIDThatIsNoGUIDIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, id := range []string{"rollcall", "api://" + testClient, "{" + testClient + "}", strings.ReplaceAll(testClient, "-", ""), testClient[:35], testClient + "0", "urn:uuid:" + testClient, canary, testClient[:35] + "g"} {
		p, e := environ(canary), &entra{secret: canary}
		p.put("AZURE_CLIENT_ID", id)
		_, err := newCredential(t, p, e).Token(t.Context(), "", "")
		got := wantUnread(t, err, secret.Malformed)
		mustContain(t, got.Error(), "ClientID is not a GUID", "Application (client) ID")
		mustNotContain(t, got.Error(), id)
		if tokens, documents := e.count(); tokens+documents > 0 {
			t.Errorf("%s: %d requests were made", id, tokens+documents)
		}
	}
}

func TestATenantThatIsNeitherGUIDNorDomainIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, id := range []string{
		"contoso", "..", "a..b", ".contoso.example", "contoso.example.", "contoso.example/x", "contoso.example?x", "contoso.example#x", "contoso.example%2f..", `contoso.example\x`,
		"contoso.example:443", "user@contoso.example", "-contoso.example", "contoso-.example", "con_toso.example", "127.0.0.1", "contoso.1", "contoso example.com", "b\u00fccher.example",
		"cont\u0131so.example", "{" + testTenant + "}", testTenant[:35], strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 130) + "example", "adfs", "dstsv2", "../" + testTenant,
		"common", "Organizations", "CONSUMERS",
	} {
		p, e := environ(canary), &entra{secret: canary}
		p.put("AZURE_TENANT_ID", id)
		c := newCredential(t, p, e)
		_, err := c.Token(t.Context(), "", "")
		_ = wantUnread(t, err, secret.Malformed)
		_, err = c.Tenant(t.Context())
		mustContain(t, wantUnread(t, err, secret.Malformed).Error(), "TenantID is n")
		if tokens, documents := e.count(); tokens+documents > 0 {
			t.Errorf("%s: %d requests were made", id, tokens+documents)
		}
	}
}

func TestALoginHostOfAnotherCloudInTheSecretIsAnError(t *testing.T) {
	whole := `"TenantID":"` + testTenant + `","ClientID":"` + testClient + `","ClientSecret":"` + canary + `"`
	for _, row := range []struct{ field, cloud, want string }{
		{`"authority":"https://login.chinacloudapi.cn/` + testTenant + `"`, "public", "authority names the login host of another cloud than ROLLCALL_CLOUD, which is public"},
		{`"Instance":"https://login.partner.microsoftonline.cn/"`, "public", "set ROLLCALL_CLOUD=china"},
		{`"activeDirectoryEndpointUrl":"https://login.microsoftonline.us"`, "public", "set ROLLCALL_CLOUD=usgov"},
		{`"tokenUrl":"https://Login-US.microsoftonline.com:443/x"`, "china", "set ROLLCALL_CLOUD=usgov"},
		{`"authority":"https://login.microsoftonline.com/common"`, "usgov-dod", "set ROLLCALL_CLOUD=public"},
		{`"issuer":"https://sts.windows.net/` + testTenant + `/"`, "delos", "set ROLLCALL_CLOUD=public"},
		{`"AZURE_AUTHORITY_HOST":"login.sovcloud-identity.fr"`, "govsg", "set ROLLCALL_CLOUD=bleu"},
		{`"AZURE_AUTHORITY_HOST":"http://login.windows.net./"`, "bleu", "set ROLLCALL_CLOUD=public"},
		{`"authority":"https://westeurope.login.microsoft.com/x"`, "bleu", "set ROLLCALL_CLOUD=public"},
		{`"authority":"https://login.microsoftonline.de/x"`, "public", "Germany"},
	} {
		own, ok := cloud.Named(row.cloud)
		if !ok {
			t.Fatal(row.cloud)
		}
		_, err := read(t, `{`+whole+`,`+row.field+`}`, func(cfg *credential.Config) { cfg.Cloud = own })
		mustContain(t, wantUnread(t, err, secret.Malformed).Error(), row.want)
		mustNotContain(t, err.Error(), testTenant)
	}
}

func TestTheTenantIsTakenFromTheAuthorityOfTheConfiguredLoginHost(t *testing.T) {
	at := func(url string) func(cfg *credential.Config) {
		return func(cfg *credential.Config) { cfg.LoginURL = url }
	}
	text := `{"authority":"https://localhost:8443/contoso.example/","ClientID":"` + testClient + `","ClientSecret":"` + canary + `"}`
	if got, err := read(t, text, at("https://localhost:8443")); err != nil || got.TenantID != "contoso.example" {
		t.Errorf("%v, %v", got, err)
	}
	_, err := read(t, text)
	mustContain(t, wantUnread(t, err, secret.Malformed).Error(), "lacks TenantID; the names in it are authority")
}
