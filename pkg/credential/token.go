package credential

import (
	"context"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// failure is a failed purchase, kept for those who waited for it.
type failure struct{ err error }

// Token returns a bearer token for Graph, from azidentity's cache while one is
// valid. rejected is the token that Graph has just refused, "" for none: it is not
// returned from a cache, and of several callers who report the same one, one
// buys and the others get what it bought. claims is the decoded JSON of a claims
// challenge (continuous access evaluation), "" for none.
//
// A secret that Entra refuses as wrong or expired is reread past the cache and tried
// once more, so a rotation needs no restart. Throttled and broken answers are retried
// within Config.Patience and never past ctx's deadline. The error is an *[Error], a
// *[secret.Error], or wraps context.Canceled.
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
		if err == nil && got.Token == rejected && rejected != "" {
			c.azure = nil
			return azcore.AccessToken{}, c.again(ctx)
		}
		if err == nil {
			c.last = secret.NewText(got.Token)
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

// again is the error of a refused token that was issued once more.
func (c *Credential) again(ctx context.Context) error {
	id, err := c.identity.Get(ctx)
	if err != nil {
		return err
	}
	return &Error{
		Kind: Rejected, Problem: "Graph refuses the token, and the same one is issued again", Advice: c.proofs[id.Method].again,
		Source: c.source.String(), Tenant: showTenant(id.TenantID),
	}
}

// alone runs one purchase at a time. Those who waited while one failed get its
// error instead of asking a failing service once more each.
func (c *Credential) alone(ctx context.Context, purchase func() (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	before := c.failure.Load()
	if err := c.semaphore.acquire(ctx); err != nil {
		return azcore.AccessToken{}, c.stopped(err)
	}
	defer c.semaphore.release()
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

// acquire gets a token from azidentity, rereading a stale secret once.
func (c *Credential) acquire(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	id, err := c.identity.Get(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer func() { id.Observe(ctx) }()
	got, err := c.buy(ctx, id, options)
	code, old := mayBeOld(id, err)
	if !old {
		return got, err
	}
	reread, readErr := c.identity.Reread(ctx)
	if readErr != nil {
		c.log.WarnContext(ctx, "credentials were refused and could not be reread", "error", readErr)
		return azcore.AccessToken{}, err
	}
	c.log.InfoContext(ctx, "credentials were refused and reread", "code", code, "changed", !reread.equal(id))
	id = reread
	return c.buy(ctx, id, options)
}

// mayBeOld reports whether a rotated secret would explain an error, with Entra's code. With a
// key that another place keeps, it would explain errors of that place, too: the key may have
// been replaced.
func mayBeOld(id Identity, err error) (code int, old bool) {
	var unsigned *secret.Error
	var refusal *Error
	switch {
	case errors.As(err, &unsigned):
		return 0, id.SigningKey != "" && unsigned.Kind != secret.Unavailable
	case errors.As(err, &refusal):
		return refusal.Code, refusal.rotated || stale(refusal.Code)
	}
	return 0, false
}

// buy asks azidentity, which has a cache of its own, until it gets a token or an
// answer that another attempt would not change.
func (c *Credential) buy(ctx context.Context, id Identity, options policy.TokenRequestOptions) (got azcore.AccessToken, err error) {
	by := c.proofs[id.Method]
	err = c.attempt(ctx, by.host(), func(ctx context.Context, x *exchange) error {
		var e *Error
		if err := c.prepare(id); err == nil {
			got, err = c.azure.GetToken(ctx, options)
			if err == nil && isToken(got.Token) {
				return nil
			}
			errors.As(err, &e) // of our own
		}
		// An error of who signs may have one of signing in there as its cause.
		if x.unproven != nil && (errors.As(x.unproven, new(*secret.Error)) || !errors.As(x.unproven, &e)) {
			return at(c.source, x.unproven)
		}
		if e == nil && (x.succeeded() || errors.Is(x.err, errOtherHost)) {
			c.azure = nil // it keeps the documents of the login host, and tokens
		}
		if e == nil {
			e = by.explain(x, id)
		}
		e.Source, e.Tenant = c.source.String(), showTenant(id.TenantID)
		return e
	})
	return got, err
}

// prepare makes azidentity's credential of the identity unless there is one.
func (c *Credential) prepare(id Identity) (err error) {
	if c.azure != nil && id.equal(c.azureFor) {
		return nil
	}
	if c.azure, err = c.proofs[id.Method].azure(id); err != nil {
		c.azure = nil
		return err
	}
	c.azureFor = id
	return nil
}

// isToken reports whether a text can stand in an Authorization header.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
