package credential_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// storageToken lets azidentity's default credential sign in by the client secret in
// the environment of the process.
func storageToken(t *testing.T, e *entra, own cloud.Cloud) error {
	t.Helper()
	t.Setenv("AZURE_TENANT_ID", testTenant)
	t.Setenv("AZURE_CLIENT_ID", testClient)
	t.Setenv("AZURE_CLIENT_SECRET", canary)
	c, err := credential.Default(credential.Config{Cloud: own, Transport: e})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
	return err
}

func TestTheDefaultCredentialSignsInToTheSameCloud(t *testing.T) {
	t.Setenv("AZURE_AUTHORITY_HOST", "https://evil.example")
	for _, own := range cloud.All() {
		e := &entra{secret: canary}
		if err := storageToken(t, e, own); err != nil {
			t.Errorf("%s: %v", own.Name, err)
		}
		for _, host := range e.hosts {
			if "https://"+host != own.LoginURL {
				t.Errorf("%s: %s was asked", own.Name, host)
			}
		}
	}
}

func TestTheDefaultCredentialSendsTheSecretToNoOtherHost(t *testing.T) {
	for _, endpoint := range []string{"https://login.m\u0130crosoftonline.com/token", "https://evil.example/token", "http://login.microsoftonline.com/token"} {
		e := &entra{secret: canary}
		e.document = func(int) (*http.Response, error) {
			own := cloud.Public().LoginURL + "/" + testTenant
			return answer(http.StatusOK, `{"issuer":"`+own+`/v2.0","authorization_endpoint":"`+own+`","token_endpoint":"`+endpoint+`"}`), nil
		}
		err := storageToken(t, e, cloud.Public())
		if tokens, _ := e.count(); err == nil || tokens > 0 || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %d token requests, %v", endpoint, tokens, err)
		}
	}
}

func TestTheDefaultCredentialAsksTheManagedIdentityWhereItIs(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
	for name, row := range map[string]struct {
		variables map[string]string
		process   string // what azidentity takes for IDENTITY_ENDPOINT
		works     bool
	}{
		"Azure Functions":   {map[string]string{"IDENTITY_ENDPOINT": appService, "IDENTITY_HEADER": simulator.IdentityHeader}, appService, true},
		"a virtual machine": {nil, "", true},
		"none that can be":  {map[string]string{"IDENTITY_ENDPOINT": "https://identity.example/msi/token", "IDENTITY_HEADER": simulator.IdentityHeader}, "https://identity.example/msi/token", false},
		"another host":      {map[string]string{"IDENTITY_ENDPOINT": appService, "IDENTITY_HEADER": simulator.IdentityHeader}, "http://evil.example/msi/token", false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := &recorder{to: hosting().Transport()}
			lookup := platform(t, row.variables)
			t.Setenv("IDENTITY_ENDPOINT", row.process)
			c, err := credential.Default(credential.Config{Transport: asked, LookupEnv: lookup})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}, Claims: "{}"}) // past azidentity's cache
			if (err == nil) != row.works || row.works != (len(asked.requests) > 0) {
				t.Errorf("%d requests, %v", len(asked.requests), err)
			}
		})
	}
}
