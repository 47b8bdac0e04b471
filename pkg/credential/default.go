package credential

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Default returns azidentity's default credential, for Azure services other than
// Graph. What it sends to sign in goes to the login host of cfg and to no other; the
// rest of cfg, but for its Cloud, Transport and LookupEnv, does not matter.
func Default(cfg Config) (*azidentity.DefaultAzureCredential, error) {
	login, err := cfg.login()
	if err != nil {
		return nil, err
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions:            policy.ClientOptions{Cloud: login.cloud(), Transport: &metadata{login}},
		DisableInstanceDiscovery: true,
	})
}

// metadata sends requests that carry nothing to where they want to go, such as those
// for the token of a managed identity, and all others to the login host.
type metadata struct{ login *loginHost }

// Do is azcore's policy.Transporter.
func (m *metadata) Do(req *http.Request) (*http.Response, error) {
	if _, ok := m.login.allows(req.URL); !ok && req.Method == http.MethodGet && req.ContentLength == 0 {
		return m.login.transport.RoundTrip(req)
	}
	return m.login.Do(req)
}
