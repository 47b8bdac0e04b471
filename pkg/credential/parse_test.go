package credential

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheSecretIsReadInEveryUsualSpelling(t *testing.T) {
	want := Identity{TenantID: testTenant, ClientID: testClient, ClientSecret: NewSecret(canary)}
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
		got, err := parse([]byte(text))
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
	text := bom + ` {"ClientID":" ` + testClient + `\n","clientSecret":"` + canary + `\r\n","CLIENT_SECRET":"` + canary + `",
		"TenantID":"contoso.example","KeyID":"k-1","ExpiresAt":"2027-01-31T00:00:00Z",
		"tags":{"owner":["a",1,null,true]},"port":443,"Certificate":"","KMSKeyID":null} ` + "\n"
	got, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{
		TenantID: "contoso.example", ClientID: testClient, ClientSecret: NewSecret(canary),
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
		_, err := parse([]byte(text))
		var wrong *mistake
		if !errors.As(err, &wrong) || wrong.advice == "" {
			t.Errorf("%q: %v", text, err)
			continue
		}
		mustContain(t, err.Error(), want)
		mustNotContain(t, err.Error(), canary, testTenant, testClient)
	}
}

func FuzzTheParserNeverRepeatsASecret(f *testing.F) {
	f.Add(`{"TenantID":"`+testTenant+`","ClientID":"`+testClient+`","ClientSecret":"`, `"}`)
	f.Add(`{"ExpiresAt":"`, `"}`)
	f.Add(`{"tenant":"`, `","appId":"x","password":"y"}`)
	f.Add(`["`, `"]`)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		id, err := parse([]byte(before + canary + after))
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("error %q", err)
			}
			return
		}
		if id.ClientSecret.IsZero() || id.ClientID == "" || !isTenant(id.TenantID) {
			t.Errorf("identity %v was taken", id)
		}
		if strings.Contains(id.String(), canary) {
			t.Errorf("printed as %q", id)
		}
	})
}
