package credential

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
)

// Default returns azidentity's default credential, for Azure services other than
// Graph. What it sends to sign in goes to the login host of cfg or to the endpoint of the
// host's managed identity, and nowhere else; the rest of cfg, but for its Cloud, Transport
// and LookupEnv, does not matter.
func Default(cfg Config) (*azidentity.DefaultAzureCredential, error) {
	cfg.Cloud = orDefault(cfg.Cloud, cloud.Public())
	login, err := cfg.login()
	if err != nil {
		return nil, err
	}
	host, _ := cfg.host() // what cannot be one is asked for nothing; there are other ways to sign in
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions:            policy.ClientOptions{Cloud: login.cloud(), Transport: &either{login, host}},
		DisableInstanceDiscovery: true,
	})
}

// either sends a request to one of the two issuers of tokens, or to none.
type either struct {
	login *loginHost
	host  *hostEndpoint
}

// Do is azcore's policy.Transporter.
func (e *either) Do(req *http.Request) (*http.Response, error) {
	if e.host.allows(req) {
		return e.host.Do(req)
	}
	return e.login.Do(req)
}
