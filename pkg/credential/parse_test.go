package credential_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// read returns the identity of a secret that is kept in a file.
func read(t *testing.T, text string, change ...func(*credential.Config)) (credential.Identity, error) {
	t.Helper()
	return readAt(t, filepath.Join(t.TempDir(), "secret.json"), text, change...)
}

func readAt(t *testing.T, path, text string, change ...func(*credential.Config)) (credential.Identity, error) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := credential.Config{Source: secret.Source{Scheme: secret.File, Name: path}}
	for _, f := range change {
		f(&cfg)
	}
	c, err := credential.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.Identity(t.Context())
}

func TestTheSecretIsReadInEveryUsualSpelling(t *testing.T) {
	want := credential.Identity{Method: credential.ClientSecret, TenantID: testTenant, ClientID: testClient, ClientSecret: secret.NewText(canary)}
	for _, names := range [][3]string{
		{"TenantID", "ClientID", "ClientSecret"},
		{"tenantId", "clientId", "clientSecret"},
		{"tenant_id", "client_id", "client_secret"},
		{"tenant-id", "client-id", "client-secret"},
		{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"},
		{"ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"},
		{"tenant", "appId", "password"},
		{"directoryId", "applicationId", "secretText"},
		{"AZURE_AD_TENANT_ID", "AZURE_AD_CLIENT_ID", "AZURE_AD_CLIENT_SECRET"},
		{"AZUREAD_TENANT", "AZUREAD_CLIENT_ID", "AZUREAD_SECRET"},
		{"AZURE_ACTIVE_DIRECTORY_TENANT_ID", "AZURE_ACTIVE_DIRECTORY_CLIENT_ID", "AZURE_ACTIVE_DIRECTORY_CLIENT_SECRET"},
		{"AAD_TENANT_ID", "AAD_APP_ID", "AAD_APP_SECRET"},
		{"MS_TENANT_ID", "MS_CLIENT_ID", "MS_CLIENT_SECRET"},
		{"MS_GRAPH_TENANT_ID", "MS_GRAPH_CLIENT_ID", "MS_GRAPH_CLIENT_SECRET"},
		{"MSGRAPH_TENANT_ID", "MSGRAPH_CLIENT_ID", "MSGRAPH_CLIENT_SECRET"},
		{"GRAPH_TENANT_ID", "GRAPH_APP_ID", "GRAPH_SECRET"},
		{"MICROSOFT_GRAPH_TENANT", "MICROSOFT_GRAPH_CLIENT_ID", "MICROSOFT_GRAPH_CLIENT_SECRET"},
		{"ENTRA_ID_TENANT_ID", "ENTRA_ID_CLIENT_ID", "ENTRA_ID_CLIENT_SECRET"},
		{"ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_CLIENT_SECRET"},
		{"MICROSOFT_ENTRA_ID_TENANT_ID", "AUTH_MICROSOFT_ENTRA_ID_ID", "AUTH_MICROSOFT_ENTRA_ID_SECRET"},
		{"OAUTH_TENANT_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"},
		{"OAUTH2_TENANT", "OAUTH2_CLIENT_ID", "OAUTH2_CLIENT_SECRET"},
		{"O365_TENANT_ID", "O365_CLIENT_ID", "O365_CLIENT_SECRET"},
		{"M365_TENANT_ID", "M365_APP_ID", "M365_APP_PASSWORD"},
		{"TF_VAR_tenant_id", "TF_VAR_client_id", "TF_VAR_client_secret"},
		{"tenant", "app_id", "secret"},
		{"AUTH_TENANT_ID", "AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET"},
		{"azuread_tenant_id", "azuread_application_client_id", "azuread_application_password_value"},
		{"service_principal_tenant_id", "service_principal_application_id", "service_principal_password"},
		{"MICROSOFT365_TENANT_ID", "MS365_CLIENT_ID", "OFFICE365_CLIENT_SECRET"},
		{"rollcall_tenant_id", "entra_app_client_id", "APP_REGISTRATION_CLIENT_SECRET"},
		{"Tenant ID", "Application ID", "Secret Value"},
		{"tenantId", "servicePrincipalId", "servicePrincipalKey"},
		{"MicrosoftAppTenantId", "MicrosoftAppId", "MicrosoftAppPassword"},
		{"AzureAd:TenantId", "AzureAd:ClientId", "AzureAd:ClientSecret"},
		{"AzureAd__TenantId", "AzureAd__ClientId", "AzureAd__ClientSecret"},
		{"aadTenantId", "aadClientId", "aadClientSecret"},
		{"spring.cloud.azure.active-directory.profile.tenant-id", "spring.cloud.azure.active-directory.credential.client-id", "spring.cloud.azure.active-directory.credential.client-secret"},
		{"Tenant\u200bID", "\ufeffclient_id", "Client\u00a0Secret"},
		{"Directory (tenant) ID", "Application (client) ID", "Client secret value"},
	} {
		text := `{"` + names[0] + `":"` + testTenant + `","` + names[1] + `":"` + testClient + `","` + names[2] + `":"` + canary + `"}`
		got, err := read(t, text)
		if err != nil {
			t.Errorf("%v: %v", names, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", names, diff)
		}
	}
}

func TestTheSecretMayCarryMoreThanItMust(t *testing.T) {
	text := "\xef\xbb\xbf" + ` {"ClientID":" ` + testClient + `\n","clientSecret":"` + canary + `\r\n","CLIENT_SECRET":"` + canary + `",
		"TenantID":"contoso.example","KeyID":"k-1","ExpiresAt":"2027-01-31T00:00:00Z",
		"tags":{"owner":["a",1,null,true]},"port":443,"Certificate":"","KMSKeyID":null} ` + "\n"
	got, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	want := credential.Identity{
		Method: credential.ClientSecret, TenantID: "contoso.example", ClientID: testClient, ClientSecret: secret.NewText(canary),
		KeyID: "k-1", ExpiresAt: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAMalformedSecretIsExplainedWithoutItsContent(t *testing.T) {
	whole := `"TenantID":"` + testTenant + `","ClientID":"` + testClient + `","ClientSecret":"` + canary + `"`
	for _, row := range []struct{ text, want string }{
		{"", "empty"},
		{"\n ", "empty"},
		{canary, "not JSON"},
		{`"` + canary + `"`, "encoded twice"},
		{`["` + canary + `"]`, "not an object"},
		{`null`, "not an object"},
		{`{`, "not JSON"},
		{`{"ClientSecret":"` + canary, "not JSON"},
		{`{` + whole + `,}`, "not JSON"},
		{`{` + whole + `} {}`, "something after"},
		{`{` + whole + `} x`, "something after"},
		{`{}`, "lacks TenantID, ClientID, ClientSecret"},
		{`{"clientid":"x","ClientSecret":" "}`, "lacks TenantID, ClientSecret"},
		{`{` + whole + `,"client_secret":"other` + canary + `"}`, "two different values for ClientSecret, in ClientSecret and client_secret"},
		{`{` + whole + `,"AZURE_AD_CLIENT_SECRET":"other` + canary + `"}`, "in ClientSecret and AZURE_AD_CLIENT_SECRET"},
		{`{` + whole + `,"password":"other` + canary + `"}`, "in ClientSecret and password"},
		{`{"appId":"x",` + whole + `}`, "two different values for ClientID, in appId and ClientID"},
		{`{` + whole + `,"ClientID":"other"}`, "two different values for ClientID, in ClientID and ClientID"},
		{`{` + whole + `,"authority":"https://login.microsoftonline.com/contoso.example/"}`, "two different values for TenantID, in TenantID and authority"},
		{`{"ClientSecret":12345678}`, "ClientSecret is not a text"},
		{`{"TenantID":{"a":"` + canary + `"}}`, "TenantID is not a text"},
		{`{"TenantID":"t","ClientID":"c","Certificate":"-----BEGIN"}`, "Certificate is PEM that breaks off"},
		{`{"TenantID":"t","ClientID":"c","clientCertificates":[{}]}`, "Certificate, in clientCertificates, is not a text"},
		{`{"TenantID":"t","ClientID":"c","KMSKeyID":"alias/x"}`, "rollcall certificate create --kms alias/x"},
		{`{"TenantID":"t","ClientID":"c","keyVaultKeyId":"https://people.vault.azure.net/keys/x"}`, "rollcall certificate create --keyvault https://people.vault.azure.net/keys/x"},
		{`{"TenantID":"t","ClientID":"c","Federation":"gcp"}`, "Federation is not \"aws\""},
		{`{"TenantID":"common","ClientID":"c","ClientSecret":"s"}`, "not one tenant"},
		{`{"TenantID":"a/b","ClientID":"c","ClientSecret":"s"}`, "neither a GUID nor a domain"},
		{`{"TenantID":"` + canary + `","ClientID":"c","ClientSecret":"s"}`, "neither a GUID nor a domain"},
		{`{"TenantID":"..","ClientID":"c","ClientSecret":"s"}`, "neither a GUID nor a domain"},
		{`{"TenantID":"t","ClientID":"c\u0000","ClientSecret":"s"}`, "ClientID contains the character U+0000"},
		{`{"TenantID":"t","ClientID":"c","ClientSecret":"a\nb"}`, "ClientSecret contains the character U+000A"},
		{"{\"TenantID\":\"\xff\"}", "not JSON"},
	} {
		text, want := row.text, row.want
		_, err := read(t, text)
		if got := wantUnread(t, err, secret.Malformed); got.Advice == "" {
			t.Errorf("%q: %v", text, err)
		}
		mustContain(t, err.Error(), want)
		mustNotContain(t, err.Error(), canary, testTenant, testClient)
	}
}

func TestWhatIsNotTheExpectedObjectIsExplainedByItsNames(t *testing.T) {
	inner := `{"TenantID":"` + testTenant + `","client_id":"` + testClient + `","client secret":"` + canary + `"}`
	for _, row := range []struct{ text, want string }{
		{`{"AzureAd":` + inner + `}`, "lacks TenantID, ClientID, ClientSecret; the names in it are AzureAd, TenantID, client_id, client secret"},
		{`{"azure":{"prod":` + inner + `}}`, "names in it are azure, prod, TenantID"},
		{`{"ClientSecret":` + inner + `}`, "ClientSecret is not a text; the names in it are ClientSecret, TenantID"},
		{`[` + inner + `]`, "not an object; the names in it are TenantID, client_id, client secret"},
		{strconv.Quote(inner), "encoded twice?); the names in it are TenantID, client_id, client secret"},
		{inner + inner, "something after its JSON object; the names in it are TenantID"},
		{strings.TrimSuffix(inner, "}"), "not JSON; the names in it are TenantID, client_id, client secret"},
		{"AZURE_TENANT_ID=" + testTenant + "\nexport AZURE_CLIENT_ID='" + testClient + "'\r\nAZURE_CLIENT_SECRET=\"" + canary + "\"\n", "not JSON; the names in it are AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET"},
		{"tenant_id: " + testTenant + "\nclient_id: " + testClient + "\nclient_secret: " + canary, "names in it are tenant_id, client_id, client_secret"},
		{"grant_type=client_credentials&client_id=" + testClient + "&client_secret=" + canary, "names in it are client_id, client_secret"},
		{"{tenant_id: '" + testTenant + "', client_secret: '" + canary + "'}", "names in it are tenant_id, client_secret"},
		{"client_secret = \"" + canary + "\"", "names in it are client_secret"},
		{"$env:AZURE_CLIENT_SECRET='" + canary + "'", "names in it are AZURE_CLIENT_SECRET"},
		{`{"username":"` + canary + `","password":"x","host":"db.example","port":5432,"tls_mode_2":true}`, "names in it are username, password, host, port, tls_mode_2"},
		{`{"` + canary + `":"x","` + testClient + `":"` + canary + `","host":1}`, "names in it are host, 2 more that cannot be shown"},
		{`{"kJhGfDsAqWeRtYuIoPlKmNbVc":1}`, "names in it are 1 more that cannot be shown"},
		{canary + ": " + canary, "not JSON"},
		{"hunter=" + canary, "not JSON"},
	} {
		_, err := read(t, row.text)
		got := wantUnread(t, err, secret.Malformed)
		mustContain(t, got.Problem, row.want)
		mustNotContain(t, err.Error(), canary, testTenant, testClient, "hunter", "kJhGf")
	}
}

func TestTheSecretIsReadAsToolsWriteIt(t *testing.T) {
	for name, text := range map[string]string{
		"az ad sp create-for-rbac": `{"appId":"` + testClient + `","displayName":"rollcall","password":"` + canary + `","tenant":"` + testTenant + `"}`,
		"az ad sp create-for-rbac --sdk-auth": `{"clientId":"` + testClient + `","clientSecret":"` + canary + `","subscriptionId":"` + testTenant + `","tenantId":"` + testTenant + `",
			"activeDirectoryEndpointUrl":"https://login.microsoftonline.com","resourceManagerEndpointUrl":"https://management.azure.com/","activeDirectoryGraphResourceId":"https://graph.windows.net/",
			"sqlManagementEndpointUrl":"https://management.core.windows.net:8443/","galleryEndpointUrl":"https://gallery.azure.com/","managementEndpointUrl":"https://management.core.windows.net/"}`,
		"terraform output -json":             `{"client_id":{"sensitive":false,"type":"string","value":"` + testClient + `"},"client_secret":{"sensitive":true,"type":"string","value":"` + canary + `"},"tenant_id":{"sensitive":false,"type":"string","value":"` + testTenant + `"}}`,
		"appsettings.json":                   `{"Instance":"https://login.microsoftonline.com/","Domain":"contoso.example","TenantId":"` + testTenant + `","ClientId":"` + testClient + `","ClientSecret":"` + canary + `","CallbackPath":"/signin-oidc"}`,
		"MSAL":                               `{"authority":"https://login.microsoftonline.com/` + testTenant + `","client_id":"` + testClient + `","secret":"` + canary + `","scope":["https://graph.microsoft.com/.default"],"endpoint":"https://graph.microsoft.com/v1.0/users"}`,
		"an authority's v2.0 endpoint":       `{"Authority":"https://login.microsoftonline.com/` + testTenant + `/v2.0/","ClientId":"` + testClient + `","ClientSecret":"` + canary + `"}`,
		"an authority in capitals":           `{"TenantId":"` + testTenant + `","Authority":"https://LOGIN.microsoftonline.com/` + strings.ToUpper(testTenant) + `","ClientId":"` + testClient + `","ClientSecret":"` + canary + `"}`,
		"a token URL":                        `{"tokenUrl":"https://login.microsoftonline.com/` + testTenant + `/oauth2/v2.0/token","clientId":"` + testClient + `","clientSecret":"` + canary + `"}`,
		"a token URL in environment style":   `{"OAUTH2_TOKEN_ENDPOINT":"https://login.windows.net/` + testTenant + `/oauth2/token","OAUTH2_CLIENT_ID":"` + testClient + `","OAUTH2_CLIENT_SECRET":"` + canary + `"}`,
		"an issuer":                          `{"issuer":"https://sts.windows.net/` + testTenant + `/","client_id":"` + testClient + `","client_secret":"` + canary + `"}`,
		"an authority host without https":    `{"AZURE_AUTHORITY_HOST":"login.microsoftonline.com","AZURE_TENANT_ID":"` + testTenant + `","AZURE_CLIENT_ID":"` + testClient + `","AZURE_CLIENT_SECRET":"` + canary + `"}`,
		"an authority of everybody":          `{"authority":"https://login.microsoftonline.com/common","tenant":"` + testTenant + `","client_id":"` + testClient + `","client_secret":"` + canary + `"}`,
		"an authority with a place for it":   `{"AADInstance":"https://login.microsoftonline.com/{0}/v2.0","tenant":"` + testTenant + `","client_id":"` + testClient + `","client_secret":"` + canary + `"}`,
		"an instance that is something else": `{"instance":"production","tenant":"` + testTenant + `","client_id":"` + testClient + `","client_secret":"` + canary + `"}`,
		"kin beside the standard":            `{"AZURE_AD_CLIENT_SECRET":"` + canary + `","AZURE_CLIENT_SECRET":"` + canary + `","AZURE_TENANT_ID":"` + testTenant + `","AZURE_CLIENT_ID":"` + strings.ToUpper(testClient) + `","appId":"` + testClient + `"}`,
		"other apps' secrets beside it":      `{"GOOGLE_CLIENT_ID":"g","GOOGLE_CLIENT_SECRET":"h","SLACK_CLIENT_SECRET":"i","NEXTAUTH_SECRET":"j","AUTH_SECRET":"k","AWS_SECRET_ACCESS_KEY":"l","secretKey":"m","AZURE_TENANT_ID":"` + testTenant + `","AZURE_CLIENT_ID":"` + testClient + `","AZURE_CLIENT_SECRET":"` + canary + `"}`,
		"white space round every value":      `{"tenant":"\t` + testTenant + `\r\n","client_id":" ` + testClient + `\u00a0","client_secret":"\n` + canary + ` "}`,
	} {
		got, err := read(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.EqualFold(got.TenantID, testTenant) || !strings.EqualFold(got.ClientID, testClient) || got.ClientSecret.Reveal() != canary || len(got.Warnings) > 0 {
			t.Errorf("%s: %v, warnings %q", name, got, got.Warnings)
		}
	}
}

func TestAMalformedSecretIsNamedByItsSource(t *testing.T) {
	for _, text := range []string{"", canary, `{"ClientSecret":"` + canary + `"}`} {
		_, err := read(t, text)
		got := wantUnread(t, err, secret.Malformed)
		mustContain(t, got.Error(), "file:/")
		mustNotContain(t, got.Error(), canary)
	}
}

func FuzzTheParserNeverRepeatsASecret(f *testing.F) {
	f.Add(`{"TenantID":"`+testTenant+`","ClientID":"`+testClient+`","ClientSecret":"`, `"}`)
	f.Add(`{"ExpiresAt":"`, `"}`)
	f.Add(`{"tenant":"`, `","appId":"x","password":"y"}`)
	f.Add(`["`, `"]`)
	f.Add(`{"AzureAd":{"TenantID":"`, `"}}`)
	f.Add(`{"`, `":"x","appId":"y"}`)
	f.Add(`{"authority":"https://login.microsoftonline.com/`, `"}`)
	f.Add(`{"client_secret":{"value":"`, `"},"AZURE_AD_CLIENT_ID":"`+testClient+`","issuer":"https://sts.windows.net/`+testTenant+`/","cert":true,"expires":1}`)
	f.Add("client_secret=", "&client_id=x")
	f.Add("AZURE_CLIENT_SECRET: ", "\nx = y")
	f.Add("", "")
	path := filepath.Join(f.TempDir(), "secret.json")
	f.Fuzz(func(t *testing.T, before, after string) {
		id, err := readAt(t, path, before+canary+after)
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("error %q", err)
			}
			return
		}
		if id.ClientSecret.IsZero() || id.ClientID == "" || id.TenantID == "" || strings.ContainsAny(id.TenantID, "/?# ") {
			t.Errorf("identity %v was taken", id)
		}
		if strings.Contains(id.String()+strings.Join(id.Warnings, ""), canary) {
			t.Errorf("printed as %q, warnings %q", id, id.Warnings)
		}
		if !plain(id.ClientID) || !plain(id.TenantID) || strings.ContainsFunc(id.ClientSecret.Reveal(), unicode.IsControl) {
			t.Errorf("identity %v was taken", id)
		}
	})
}

// plain reports whether a text has only what a GUID or a domain has.
func plain(text string) bool {
	return text != "" && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && !strings.Contains(text, "..")
}

// FuzzTheVariablesGiveAPlainIdentityOrAnError sets AZURE_ variables to anything.
func FuzzTheVariablesGiveAPlainIdentityOrAnError(f *testing.F) {
	f.Add(testTenant, testClient, canary, "")
	f.Add(testDomain, testClient, testTrace, "westeurope")
	f.Add("common", "x", " \u200b", "a/b")
	f.Add("contoso.example/..", testClient+"\ufeff", "a\nb", "evil.example/")
	f.Add("cont\u0131so.example", "\u00a0"+testClient, "\xff", "\u212a")
	f.Fuzz(func(t *testing.T, tenant, client, text, region string) {
		p, e := environ(text), &entra{secret: strings.TrimSpace(text)}
		p.put("AZURE_TENANT_ID", tenant)
		p.put("AZURE_CLIENT_ID", client)
		p.put("AZURE_REGIONAL_AUTHORITY_NAME", region)
		c := newCredential(t, p, e, func(cfg *credential.Config) { cfg.Patience = 1 })
		id, err := c.Identity(t.Context())
		if err != nil {
			for _, value := range []string{tenant, client, text} {
				if value = strings.TrimSpace(value); len(value) > 20 && strings.Contains(err.Error(), value) {
					t.Errorf("error %q", err)
				}
			}
		} else if !plain(id.TenantID) || !plain(id.ClientID) || len(id.ClientID) != 36 {
			t.Errorf("identity %v was taken", id)
		}
		_, _ = c.Token(t.Context(), "", "")
		for _, host := range e.hosts {
			if "https://"+host != cloud.Public().LoginURL {
				t.Errorf("%q was asked", host)
			}
		}
		if tokens, documents := e.count(); err != nil && tokens+documents > 0 {
			t.Errorf("%d requests were made for %v", tokens+documents, err)
		}
	})
}

func TestEveryMissingVariableIsNamed(t *testing.T) {
	p := environ("")
	p.put("AZURE_CLIENT_ID", " ")
	_, err := newCredential(t, p, nil).Identity(t.Context())
	got := wantUnread(t, err, secret.Missing)
	mustContain(t, got.Error(), "AZURE_CLIENT_ID, AZURE_CLIENT_SECRET")
	mustNotContain(t, got.Problem, "AZURE_TENANT_ID")

	p.put("AZURE_CLIENT_ID", testClient)
	_, err = newCredential(t, p, nil).Identity(t.Context())
	mustContain(t, wantUnread(t, err, secret.Missing).Error(), "not set: AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "ROLLCALL_FEDERATION=aws")

	p.put("AZURE_CLIENT_CERTIFICATE_PATH", "/x.pem")
	_, err = newCredential(t, p, nil).Identity(t.Context())
	mustContain(t, wantUnread(t, err, secret.Missing).Error(), "AZURE_CLIENT_CERTIFICATE_PATH: the file")
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	p := environ(canary)
	env := secret.Source{Scheme: secret.Environment}
	for name, cfg := range map[string]credential.Config{
		"no source":        {},
		"no lookup":        {Source: env},
		"plain http":       {Source: env, LookupEnv: p.lookup, LoginURL: "http://login.example"},
		"a path":           {Source: env, LookupEnv: p.lookup, LoginURL: "https://login.example/tenant"},
		"a password":       {Source: env, LookupEnv: p.lookup, LoginURL: "https://hunter2@login.example"},
		"not a URL at all": {Source: env, LookupEnv: p.lookup, LoginURL: "https://%zz"},
	} {
		_, err := credential.New(cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		mustNotContain(t, err.Error(), "hunter2")
	}
}

func TestASecretThatPowerShellWroteIsRead(t *testing.T) {
	text := utf16.Encode([]rune("\ufeff{\"tenant\":\"" + testTenant + "\",\"appId\":\"" + testClient + "\",\"password\":\"" + canary + "\"}\r\n"))
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var content []byte
		for _, unit := range text {
			content = order.AppendUint16(content, unit)
		}
		if got, err := read(t, string(content)); err != nil || got.ClientSecret.Reveal() != canary {
			t.Errorf("%v: %v, %v", order, got, err)
		}
		_, err := read(t, string(content[:len(content)-9]))
		mustContain(t, wantUnread(t, err, secret.Malformed).Error(), "not JSON; the names in it are tenant, appId, password")
	}
}

func TestALargeSecretOfNamesIsExplained(t *testing.T) {
	for _, text := range []string{"{" + strings.Repeat(`"hostName":1,`, 4800), strings.Repeat("client_id=x\n", 5400), strings.Repeat("ad", 32000) + "=x", `{"` + strings.Repeat("msgraph", 9000) + `":1}`} {
		_, err := read(t, text)
		if got := wantUnread(t, err, secret.Malformed).Error(); len(got) > 600 {
			t.Errorf("the error has %d bytes", len(got))
		}
	}
}
