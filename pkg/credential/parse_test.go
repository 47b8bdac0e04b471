package credential_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// read returns the identity of a secret that is kept in a file.
func read(t *testing.T, text string) (credential.Identity, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := credential.New(credential.Config{Source: secret.Source{Scheme: secret.File, Name: path}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Identity(t.Context())
}

func TestTheSecretIsReadInEveryUsualSpelling(t *testing.T) {
	want := credential.Identity{TenantID: testTenant, ClientID: testClient, ClientSecret: secret.NewText(canary)}
	for _, names := range [][3]string{
		{"TenantID", "ClientID", "ClientSecret"},
		{"tenantId", "clientId", "clientSecret"},
		{"tenant_id", "client_id", "client_secret"},
		{"tenant-id", "client-id", "client-secret"},
		{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"},
		{"ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"},
		{"tenant", "appId", "password"},
		{"directoryId", "applicationId", "secretText"},
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
		TenantID: "contoso.example", ClientID: testClient, ClientSecret: secret.NewText(canary),
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
		{`{` + whole + `,"client_secret":"other` + canary + `"}`, "two different values for ClientSecret"},
		{`{` + whole + `,"ClientID":"other"}`, "two different values for ClientID"},
		{`{"ClientSecret":12345678}`, "ClientSecret is not a text"},
		{`{"TenantID":{"a":"` + canary + `"}}`, "TenantID is not a text"},
		{`{` + whole + `,"Certificate":"-----BEGIN"}`, "Certificate, which is not supported yet"},
		{`{` + whole + `,"KMSKeyID":"alias/x"}`, "KMSKeyID, which is not supported yet"},
		{`{"TenantID":"t","ClientID":"c","Federation":"aws"}`, "Federation, which is not supported yet"},
		{`{` + whole + `,"ExpiresAt":"` + canary + `"}`, "ExpiresAt is not a time"},
		{`{"TenantID":"common","ClientID":"c","ClientSecret":"s"}`, "not one tenant"},
		{`{"TenantID":"a/b","ClientID":"c","ClientSecret":"s"}`, "neither a GUID nor a domain"},
		{`{"TenantID":"` + canary + `","ClientID":"c","ClientSecret":"s"}`, "neither a GUID nor a domain"},
		{`{"TenantID":"..","ClientID":"c","ClientSecret":"s"}`, "neither a GUID nor a domain"},
		{`{"TenantID":"t","ClientID":"c\u0000","ClientSecret":"s"}`, "ClientID holds a character"},
		{`{"TenantID":"t","ClientID":"c","ClientSecret":"a\nb"}`, "ClientSecret holds a character"},
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
	f.Add("", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		id, err := read(t, before+canary+after)
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("error %q", err)
			}
			return
		}
		if id.ClientSecret.IsZero() || id.ClientID == "" || id.TenantID == "" || strings.ContainsAny(id.TenantID, "/?# ") {
			t.Errorf("identity %v was taken", id)
		}
		if strings.Contains(id.String(), canary) {
			t.Errorf("printed as %q", id)
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

	p.put("AZURE_CLIENT_CERTIFICATE_PATH", "/x.pem")
	_, err = newCredential(t, p, nil).Identity(t.Context())
	mustContain(t, wantUnread(t, err, secret.Missing).Error(), "AZURE_CLIENT_CERTIFICATE_PATH is set")
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
