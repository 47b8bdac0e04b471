package credential

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// failure is a failed purchase, kept for those who waited for it.
type failure struct{ err error }

// Token returns a bearer token for Graph, from azidentity's cache while one is
// valid. rejected is the token that Graph has just refused, "" for none: it is not
// returned from a cache again, and of several callers who report the same one, one
// buys and the others get what it bought. claims is the decoded JSON of a claims
// challenge (continuous access evaluation), "" for none.
//
// A secret that Entra refuses as wrong or expired is read once more, past the cache,
// and tried again; so a rotation needs no restart. Throttled and broken answers
// are tried again within Config.Patience and never past ctx's deadline. The error
// is an *[Error], or wraps context.Canceled.
func (c *Credential) Token(ctx context.Context, rejected, claims string) (string, error) {
	options := policy.TokenRequestOptions{Scopes: []string{c.scope}, Claims: claims, EnableCAE: true}
	got, err := c.alone(ctx, func() (azcore.AccessToken, error) {
		if last := c.last.Reveal(); rejected != "" && last != "" && last != rejected {
			// Another caller has bought since: do not answer the challenge twice.
			options.Claims = ""
		}
		got, err := c.acquire(ctx, options)
		if err == nil && got.Token == rejected && options.Claims == "" {
			c.azure = nil
			got, err = c.acquire(ctx, options)
		}
		if err == nil {
			c.last = NewSecret(got.Token)
		}
		return got, err
	})
	return got.Token, err
}

// GetToken makes a Credential an azcore.TokenCredential for Microsoft's own
// clients. Without scopes it asks for the configured one. Errors are those of Token.
func (c *Credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(options.Scopes) == 0 {
		options.Scopes = []string{c.scope}
	}
	options.EnableCAE = true
	return c.alone(ctx, func() (azcore.AccessToken, error) { return c.acquire(ctx, options) })
}

// alone runs one purchase at a time. Those who waited while one failed get its
// error instead of asking a service in trouble once more each.
func (c *Credential) alone(ctx context.Context, purchase func() (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	before := c.failure.Load()
	if err := c.gate.enter(ctx); err != nil {
		return azcore.AccessToken{}, c.stopped(err)
	}
	defer c.gate.leave()
	if f := c.failure.Load(); f != nil && f != before {
		return azcore.AccessToken{}, f.err
	}
	got, err := purchase()
	switch {
	case err == nil:
		c.failure.Store(nil)
	case ctx.Err() == nil:
		c.failure.Store(&failure{err})
	}
	return got, err
}

// acquire gets a token from azidentity, with the one re-read of a stale secret.
func (c *Credential) acquire(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	id, err := c.identity(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	got, err := c.buy(ctx, id, options)
	var refusal *Error
	if !errors.As(err, &refusal) || !stale(refusal.Code) {
		return got, err
	}
	again, readErr := c.reread(ctx)
	if readErr != nil {
		c.log.WarnContext(ctx, "credentials were refused and could not be read again", "error", readErr)
		return azcore.AccessToken{}, err
	}
	c.log.InfoContext(ctx, "credentials were refused and read again", "code", refusal.Code, "changed", !again.equal(id))
	return c.buy(ctx, again, options)
}

// buy asks azidentity, which has a cache of its own, until it gets an answer
// that another try would not change.
func (c *Credential) buy(ctx context.Context, id Identity, options policy.TokenRequestOptions) (got azcore.AccessToken, err error) {
	if c.azure == nil {
		if c.azure, err = c.newAzure(id); err != nil {
			return azcore.AccessToken{}, &Error{Kind: Malformed, Problem: "azidentity does not accept the credentials", Advice: "check TenantID, ClientID and ClientSecret", Source: c.source.String()}
		}
	}
	err = c.patiently(ctx, func(ctx context.Context, x *exchange) error {
		var err error
		if got, err = c.azure.GetToken(ctx, options); err == nil {
			return nil
		}
		e := explain(x)
		if e.Code == wrongSecret && isGUID(id.ClientSecret.Reveal()) {
			e.Problem, e.Advice = "the client secret is wrong: it is a GUID, as Secret IDs are", "copy the column Value, not Secret ID, into ClientSecret; it is shown only once, when the secret is made"
		}
		e.Source, e.Tenant = c.source.String(), showTenant(id.TenantID)
		return e
	})
	return got, err
}

func (c *Credential) newAzure(id Identity) (*azidentity.ClientSecretCredential, error) {
	return azidentity.NewClientSecretCredential(id.TenantID, id.ClientID, id.ClientSecret.Reveal(), &azidentity.ClientSecretCredentialOptions{
		ClientOptions: policy.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: c.login.url()},
			Transport: c.login,
			// azcore would sleep up to the deadline and then forget why: patiently retries.
			Retry: policy.RetryOptions{MaxRetries: -1},
		},
		// For Microsoft's own hosts this changes nothing; for any other, the
		// discovery would ask login.microsoftonline.com about it.
		DisableInstanceDiscovery: true,
	})
}

// explain makes the Error of an attempt that got no token.
func explain(x *exchange) *Error {
	switch {
	case errors.Is(x.err, errOtherHost):
		return &Error{Kind: Unavailable, Problem: "the login host names another host for its tokens, which gets no secret", Advice: "check the login URL", Err: x.err}
	case x.err != nil:
		return unreachable(x.err)
	case x.status == 0:
		return &Error{Kind: Malformed, Problem: "azidentity does not accept the request", Advice: "check TenantID and the login URL"}
	case x.status == http.StatusOK, x.status == http.StatusCreated:
		return &Error{Kind: Unavailable, Problem: "the login host's answer is not one that Entra ID gives", Advice: "check the login URL, and a proxy on the way", Status: x.status}
	}
	return refused(x)
}

func unreachable(err error) *Error {
	e := &Error{Kind: Unavailable, Problem: "the login host gave no answer", Advice: "check the network, HTTPS_PROXY and the login URL", Err: err, again: true}
	switch words := brokenConnection(err); words {
	case "":
	case untrusted:
		e.Problem, e.Advice, e.again = "the login host: "+words, "name the authority that signed it in SSL_CERT_FILE", false
	default:
		e.Problem = "the login host: " + words
	}
	return e
}
