package credential

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/guid"
)

// Tenant returns the GUID of the identity's tenant in lower case. A domain is
// looked up once in the OpenID configuration that the login host publishes for it,
// whose issuer and endpoints carry the GUID; that of a managed identity is in its token.
// A tenant that does not exist is an *[Error] with code 90002.
func (c *Credential) Tenant(ctx context.Context) (string, error) {
	if err := c.semaphore.acquire(ctx); err != nil {
		return "", c.stopped(err)
	}
	defer c.semaphore.release()
	id, err := c.identity.Get(ctx)
	if err != nil {
		return "", err
	}
	return c.proofs[id.Method].tenant(ctx, id)
}

// registered returns the tenant that an identity names by its GUID or a domain.
func (c *Credential) registered(ctx context.Context, id Identity) (string, error) {
	if guid.Valid(id.TenantID) {
		return strings.ToLower(id.TenantID), nil
	}
	domain := strings.ToLower(id.TenantID)
	if guid, ok := c.resolved[domain]; ok {
		return guid, nil
	}
	guid, err := c.discover(ctx, domain)
	if err != nil {
		return "", err
	}
	c.resolved[domain] = guid
	return guid, nil
}

func (c *Credential) discover(ctx context.Context, domain string) (guid string, err error) {
	err = c.attempt(ctx, c.login.host(), func(ctx context.Context, x *exchange) error {
		guid = c.askTenant(ctx, domain)
		if guid != "" {
			return nil
		}
		e := c.login.explain(x, Identity{})
		e.Source, e.Tenant = c.source.String(), showTenant(domain)
		return e
	})
	return guid, err
}

// askTenant returns "" when it found no GUID; the exchange in ctx says why.
func (c *Credential) askTenant(ctx context.Context, domain string) string {
	address := c.login.url() + "/" + domain + "/v2.0/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return ""
	}
	resp, err := c.login.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return tenantIn(body)
}

// tenantIn returns the tenant's GUID in an OpenID configuration: the first
// segment of the issuer's path, https://<host>/<guid>/v2.0, and of the token endpoint's.
// Two that disagree are none.
func tenantIn(body []byte) string {
	var doc struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return ""
	}
	issuer, endpoint := firstSegment(doc.Issuer), firstSegment(doc.TokenEndpoint)
	switch {
	case !guid.Valid(issuer):
		issuer = endpoint
	case guid.Valid(endpoint) && endpoint != issuer:
		return ""
	}
	if !guid.Valid(issuer) {
		return ""
	}
	return issuer
}

func firstSegment(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return strings.ToLower(segment)
}
