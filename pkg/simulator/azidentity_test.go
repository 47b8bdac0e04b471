package simulator_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheAzureSDKBuysATokenOverTLSAndReadsAPage(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: 10})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	transport := server.Transport()
	defer transport.CloseIdleConnections()
	for _, name := range []string{simulator.DefaultTenant, simulator.DefaultDomain} {
		credential, err := azidentity.NewClientSecretCredential(name, simulator.DefaultClientID, simulator.DefaultClientSecret,
			&azidentity.ClientSecretCredentialOptions{
				ClientOptions: azcore.ClientOptions{
					Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL},
					Transport: &http.Client{Transport: transport},
				},
				DisableInstanceDiscovery: true,
			})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{server.URL + "/.default"}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := &client{t: t, tenant: tenant, http: &http.Client{Transport: transport}, token: token.Token, header: http.Header{}}
		if p := c.page(server.URL + "/v1.0/users"); len(p.Value) != 10 {
			t.Errorf("%s: %d users, want 10", name, len(p.Value))
		}
	}
}
