package credential_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// variablesOf looks up the AZURE_ variables of an app, and more of the form NAME=value.
func variablesOf(more ...string) func(string) (string, bool) {
	all := map[string]string{"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": testClient}
	for _, one := range more {
		name, value, _ := strings.Cut(one, "=")
		all[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := all[name]
		return value, ok
	}
}

// storageToken lets the default credential sign in by the client secret of the variables.
func storageToken(t *testing.T, e *entra, own cloud.Cloud) error {
	t.Helper()
	c, err := credential.Default(credential.Config{Cloud: own, Transport: e, LookupEnv: variablesOf("AZURE_CLIENT_SECRET=" + canary)})
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
			if row.variables == nil {
				row.variables = map[string]string{}
			}
			row.variables["AZURE_TOKEN_CREDENTIALS"] = "ManagedIdentityCredential"
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

// az puts a command line of Azure's name on the path that prints a text and ends with a status.
func az(t *testing.T, name, prints string, status int) {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho '%s'\nexit %d\n", prints, status)
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+"/usr/bin:/bin")
}

func TestTheDefaultCredentialSignsInByTheFirstWayThatThereIs(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	cert := issue(t, appKey(), -time.Hour, 48*time.Hour)
	tenant.AddCertificate(cert)
	app := []string{"AZURE_TENANT_ID=" + simulator.DefaultTenant, "AZURE_CLIENT_ID=" + simulator.DefaultClientID}
	pair, pod := filepath.Join(t.TempDir(), "pair.pem"), filepath.Join(t.TempDir(), "token")
	trust := tenant.WebIdentity("api://AzureADTokenExchange")
	tenant.AddFederatedCredential(trust)
	token, err := tenant.IssueWebIdentity(trust.Subject, trust.Audience, "RS256", time.Hour)
	if err := errors.Join(err, os.WriteFile(pair, []byte(certPEM(cert)+keyPEM(t, appKey())), 0o600), os.WriteFile(pod, []byte(token), 0o600)); err != nil {
		t.Fatal(err)
	}
	const bought = `{"accessToken":"of az","expires_on":4102444800,"expiresOn":"2100-01-01 00:00:00.000000"}`
	nowhere := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == "169.254.169.254" {
			return nil, syscall.EHOSTUNREACH
		}
		return tenant.Transport().RoundTrip(req)
	})
	proxied := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == "169.254.169.254" {
			return answer(http.StatusOK, "<html>"), nil
		}
		return tenant.Transport().RoundTrip(req)
	})
	for name, row := range map[string]struct {
		variables []string
		transport http.RoundTripper
		az        int    // its status
		token     string // "" for one that the tenant issued, "none" for none
	}{
		"a client secret":          {append(app, "AZURE_CLIENT_SECRET="+simulator.DefaultClientSecret), nowhere, 0, ""},
		"a certificate":            {append(app, "AZURE_CLIENT_CERTIFICATE_PATH="+pair), nowhere, 0, ""},
		"a token file":             {append(app, "AZURE_FEDERATED_TOKEN_FILE="+pod), nowhere, 0, ""},
		"a virtual machine":        {nil, tenant.Transport(), 0, ""},
		"no identity of an app":    {[]string{"WEBSITE_SITE_NAME=people"}, tenant.Transport(), 0, "of az"},
		"az on a laptop":           {nil, nowhere, 0, "of az"},
		"az behind a proxy":        {[]string{"AZURE_CLIENT_ID=" + testClient}, proxied, 0, "of az"},
		"an app without a secret":  {app, nowhere, 0, "of az"},
		"a file that is not there": {append(app, "AZURE_CLIENT_CERTIFICATE_PATH="+pair+"x"), nowhere, 0, "of az"},
		"a wrong secret is final":  {append(app, "AZURE_CLIENT_SECRET="+canary), nowhere, 0, "none"},
		"az is not signed in":      {nil, nowhere, 1, "none"},
		"az alone":                 {append(app, "AZURE_CLIENT_SECRET="+simulator.DefaultClientSecret, "AZURE_TOKEN_CREDENTIALS=azureclicredential"), nowhere, 0, "of az"},
		"the tools":                {append(app, "AZURE_CLIENT_SECRET="+simulator.DefaultClientSecret, "AZURE_TOKEN_CREDENTIALS=dev"), nowhere, 0, "of az"},
		"what runs in the cloud":   {append(app, "AZURE_TOKEN_CREDENTIALS=prod"), nowhere, 0, "none"},
		"the app alone":            {append(app, "AZURE_CLIENT_SECRET="+simulator.DefaultClientSecret, "AZURE_TOKEN_CREDENTIALS=EnvironmentCredential"), nowhere, 0, ""},
		"another tenant, allowed":  {append(app, "AZURE_CLIENT_SECRET="+simulator.DefaultClientSecret, "AZURE_ADDITIONALLY_ALLOWED_TENANTS=*"), nowhere, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			az(t, "az", bought, row.az)
			all := map[string]string{}
			for _, one := range row.variables {
				variable, value, _ := strings.Cut(one, "=")
				all[variable] = value
			}
			c, err := credential.Default(credential.Config{Transport: row.transport, LookupEnv: platform(t, all)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}, TenantID: simulator.DefaultTenant})
			switch {
			case row.token == "none" && err == nil, row.token != "none" && err != nil, row.token == "of az" && got.Token != row.token, row.token == "" && got.Token == "of az":
				t.Errorf("the token %.12q, %v", got.Token, err)
			}
			if err != nil {
				wantNoCanary(t, err.Error())
			}
		})
	}
}

func TestAWayToSignInThatThereIsNotIsNamed(t *testing.T) {
	for value, want := range map[string]string{
		"laptop":                "write prod, dev, EnvironmentCredential",
		"EnvironmentCredential": "AZURE_CLIENT_SECRET",
	} {
		_, err := credential.Default(credential.Config{LookupEnv: platform(t, map[string]string{"AZURE_TOKEN_CREDENTIALS": value})})
		var e *credential.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", value, err)
		}
		mustContain(t, err.Error(), "AZURE_TOKEN_CREDENTIALS", want)
	}
}
