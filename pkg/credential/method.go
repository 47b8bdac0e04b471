package credential

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Method is how an app proves who it is.
type Method string

// The methods.
const (
	// ClientSecret: by a client secret of its registration.
	ClientSecret Method = "client secret"
	// Certificate: by assertions that are signed with the key of a registered certificate.
	Certificate Method = "certificate"
	// KMS: by assertions that AWS KMS signs, with the key of a registered certificate.
	KMS Method = "certificate of a KMS key"
	// KeyVault: by assertions that Azure Key Vault signs, likewise.
	KeyVault Method = "certificate of a Key Vault key"
	// AWS: by tokens by which AWS vouches for the role, as a federated credential.
	AWS Method = "federation with AWS"
	// TokenFile: by the tokens that another platform writes into a file, likewise.
	TokenFile Method = "federation by a token file"
	// ManagedIdentity: by running where Azure vouches for it.
	ManagedIdentity Method = "managed identity"
)

// issuer issues tokens: the login host, or the endpoint of managed identities.
type issuer interface {
	// host is whom it asks, for people.
	host() string
	// explain makes the Error of an attempt that got no token.
	explain(x *exchange, id Identity) *Error
}

// proof is what one [Method] does in its own way.
type proof struct {
	issuer
	// azure makes azidentity's credential of an identity. An *[Error] that it returns in
	// the place of a token is final, or says that it is not.
	azure func(id Identity) (azcore.TokenCredential, error)
	// tenant finds the GUID of the identity's tenant.
	tenant func(ctx context.Context, id Identity) (string, error)
	// told returns the identity with what its tokens say about it.
	told func(id Identity) Identity
	// again says what to do when a refused token is issued once more.
	again string
}

// newProofs is the table of methods.
func (c *Credential) newProofs() map[Method]proof {
	asKept := func(id Identity) Identity { return id }
	return map[Method]proof{
		ClientSecret: {c.login, c.login.withSecret, c.registered, asKept, "try again later"},
		Certificate:  {&certified{c.login}, c.asserted(c.byCertificate), c.registered, asKept, "try again later"},
		KMS:          {&certified{c.login}, c.asserted(c.byKMS), c.registered, asKept, "try again later"},
		KeyVault:     {&certified{c.login}, c.asserted(c.byKeyVault), c.registered, asKept, "try again later"},
		AWS:          {&federated{c.login, &c.presented}, c.asserted(c.byAWS), c.registered, asKept, "try again later"},
		TokenFile:    {&federated{c.login, &c.presented}, c.asserted(c.byTokenFile), c.registered, asKept, "try again later"},
		ManagedIdentity: {
			c.host, c.host.credential, c.hosted, c.host.told,
			"see under Enterprise applications whether the identity is enabled; Azure keeps its tokens for up to a day, and no other one can be had sooner",
		},
	}
}
