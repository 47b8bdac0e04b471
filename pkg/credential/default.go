package credential

import (
	"context"
	"crypto/x509"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Default returns what signs in to Azure services other than Graph: the first that can of
// azidentity's default chain, in its order, and AZURE_TOKEN_CREDENTIALS selects among them
// as it does there. A user's name and password, which that chain takes last in the
// environment and nobody should keep, are not among them: they alone would make each
// function larger by 0.8 MB.
//
// What it sends to sign in goes to the login host of cfg or to the endpoint of the host's
// managed identity, and nowhere else; the rest of cfg, but for its Cloud, Transport and
// LookupEnv, does not matter.
func Default(cfg Config) (azcore.TokenCredential, error) {
	cfg.Cloud = orDefault(cfg.Cloud, cloud.Public())
	login, err := cfg.login()
	if err != nil {
		return nil, err
	}
	host, _ := cfg.host() // what cannot be one is asked for nothing; there are other ways to sign in
	l := &links{
		host: host, options: policy.ClientOptions{Cloud: login.cloud(), Transport: &either{login, host}},
		variable: func(name string) string {
			if cfg.LookupEnv == nil {
				return ""
			}
			value, _ := cfg.LookupEnv(name)
			return value
		},
	}
	if tenants := l.variable("AZURE_ADDITIONALLY_ALLOWED_TENANTS"); tenants != "" {
		l.tenants = strings.Split(tenants, ";")
	}
	return l.chain(l.variable("AZURE_TOKEN_CREDENTIALS"))
}

// HostIdentity is Default for one way alone: the managed identity of that client id, "" for the
// system-assigned one.
func HostIdentity(cfg Config, clientID string) (azcore.TokenCredential, error) {
	lookup := cfg.LookupEnv
	cfg.LookupEnv = func(name string) (string, bool) {
		switch {
		case name == "AZURE_TOKEN_CREDENTIALS":
			return "ManagedIdentityCredential", true
		case name == "AZURE_CLIENT_ID":
			return clientID, clientID != ""
		case lookup == nil:
			return "", false
		}
		return lookup(name)
	}
	return Default(cfg)
}

// links makes the ways to sign in.
type links struct {
	host     *hostEndpoint
	options  policy.ClientOptions
	variable func(name string) string // "" where it is not set
	tenants  []string                 // other ones that tokens may be asked of
}

// link is a way to sign in, with azidentity's name for it. make returns nil where the
// environment does not have what it takes.
type link struct {
	name, group string
	make        func(*links) azcore.TokenCredential
}

// chainLinks are the ways in the order in which they are tried.
func chainLinks() []link {
	return []link{
		{"EnvironmentCredential", "prod", (*links).application},
		{"WorkloadIdentityCredential", "prod", (*links).workload},
		{"ManagedIdentityCredential", "prod", (*links).identity},
		{"AzureCLICredential", "dev", func(l *links) azcore.TokenCredential {
			return tool(azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{AdditionallyAllowedTenants: l.tenants}))
		}},
		{"AzureDeveloperCLICredential", "dev", func(l *links) azcore.TokenCredential {
			return tool(azidentity.NewAzureDeveloperCLICredential(&azidentity.AzureDeveloperCLICredentialOptions{AdditionallyAllowedTenants: l.tenants}))
		}},
		{"AzurePowerShellCredential", "dev", func(l *links) azcore.TokenCredential {
			return tool(azidentity.NewAzurePowerShellCredential(&azidentity.AzurePowerShellCredentialOptions{AdditionallyAllowedTenants: l.tenants}))
		}},
	}
}

// chain links the ways that a word selects: the name of one, prod, dev, or "" for all.
func (l *links) chain(selected string) (azcore.TokenCredential, error) {
	var names []string
	var all []azcore.TokenCredential
	known := false
	for _, one := range chainLinks() {
		names = append(names, one.name)
		if selected != "" && selected != one.group && !strings.EqualFold(selected, one.name) {
			continue
		}
		known = true
		if by := one.make(l); by != nil {
			all = append(all, by)
		}
	}
	switch {
	case !known:
		return nil, &Error{
			Kind: Contradicted, Problem: "AZURE_TOKEN_CREDENTIALS names no way to sign in to Azure",
			Advice: "write prod, dev, " + strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1] + ", or remove it",
		}
	case len(all) == 0:
		return nil, &Error{
			Kind: Missing, Problem: "the environment lacks what the way to sign in takes that AZURE_TOKEN_CREDENTIALS names",
			Advice: "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE, or remove AZURE_TOKEN_CREDENTIALS",
		}
	}
	return azidentity.NewChainedTokenCredential(all, nil)
}

// application signs in as the app of the variables, by a client secret or a certificate. A
// file that holds none is not reported here: another way may do.
func (l *links) application() azcore.TokenCredential {
	tenant, client := l.variable("AZURE_TENANT_ID"), l.variable("AZURE_CLIENT_ID")
	if tenant == "" || client == "" {
		return nil
	}
	if text := l.variable("AZURE_CLIENT_SECRET"); text != "" {
		return made(azidentity.NewClientSecretCredential(tenant, client, text, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: l.options, DisableInstanceDiscovery: true, AdditionallyAllowedTenants: l.tenants,
		}))
	}
	content, err := secret.ReadFile(l.variable("AZURE_CLIENT_CERTIFICATE_PATH"))
	if err != nil {
		return nil
	}
	found, err := certificate.Parse(content, l.variable("AZURE_CLIENT_CERTIFICATE_PASSWORD"))
	if err != nil {
		return nil
	}
	return made(azidentity.NewClientCertificateCredential(tenant, client, []*x509.Certificate{found.X509}, found.Key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: l.options, DisableInstanceDiscovery: true, AdditionallyAllowedTenants: l.tenants,
	}))
}

// workload signs in by the token that the platform writes into a file.
func (l *links) workload() azcore.TokenCredential {
	tenant, client, file := l.variable("AZURE_TENANT_ID"), l.variable("AZURE_CLIENT_ID"), l.variable("AZURE_FEDERATED_TOKEN_FILE")
	if tenant == "" || client == "" || file == "" {
		return nil
	}
	return made(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: l.options, DisableInstanceDiscovery: true, AdditionallyAllowedTenants: l.tenants,
		TenantID: tenant, ClientID: client, TokenFilePath: file,
	}))
}

// identity signs in by the managed identity.
func (l *links) identity() azcore.TokenCredential {
	options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: l.options}
	if client := l.variable("AZURE_CLIENT_ID"); client != "" {
		options.ID = azidentity.ClientID(client)
	}
	by, err := azidentity.NewManagedIdentityCredential(options)
	if err != nil {
		return nil
	}
	return &vouched{by, l.host}
}

// made returns a credential, and nil where one could not be made.
func made(by azcore.TokenCredential, err error) azcore.TokenCredential {
	if err != nil {
		return nil
	}
	return by
}

// otherwise has the chain go on where it would end.
func otherwise(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return azidentity.NewCredentialUnavailableError(err.Error())
}

// vouched is a managed identity as one of several ways.
type vouched struct {
	azcore.TokenCredential
	host *hostEndpoint
}

// probe is how long the metadata service may take to answer at all, as in azidentity's chain.
const probe = time.Second

// GetToken has the chain go on where there is no metadata service, and where a proxy answers
// in its place.
func (v *vouched) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	switch {
	case v.host.url == nil:
		return azcore.AccessToken{}, otherwise(ctx, v.host.absent(errNoIdentity))
	case !v.host.isMetadata():
		return v.TokenCredential.GetToken(ctx, options)
	}
	short, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	if absent := v.host.look(short); absent != nil {
		return azcore.AccessToken{}, otherwise(ctx, absent)
	}
	with, x := withExchange(ctx)
	got, err := v.TokenCredential.GetToken(with, options)
	if err != nil && x.succeeded() {
		err = otherwise(ctx, err)
	}
	return got, err
}

// signedIn is a tool on this machine that somebody may have signed in to.
type signedIn struct{ azcore.TokenCredential }

func tool(by azcore.TokenCredential, err error) azcore.TokenCredential {
	if err != nil {
		return nil
	}
	return &signedIn{by}
}

// GetToken has the chain go on where the tool gives no token.
func (s *signedIn) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	got, err := s.TokenCredential.GetToken(ctx, options)
	if err != nil {
		err = otherwise(ctx, err)
	}
	return got, err
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
