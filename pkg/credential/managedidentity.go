package credential

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	// spare is how long before its end a token is no longer used, as in MSAL.
	spare = 5 * time.Minute
	// refreshPause is how long a token whose refresh failed is used before the next attempt.
	refreshPause = time.Minute
)

// fromHost returns the managed identity that a source means: the one with the source's
// client id, else with that of AZURE_CLIENT_ID, else the system-assigned one.
func fromHost(cfg Config) (Identity, error) {
	lookup := func(string) (string, bool) { return "", false }
	if cfg.LookupEnv != nil {
		lookup = cfg.LookupEnv
	}
	id := Identity{Method: ManagedIdentity, ClientID: cfg.Source.Name}
	if named, _ := lookup("AZURE_CLIENT_ID"); id.ClientID == "" && named != "" {
		if guid.Valid(named) {
			id.ClientID = strings.ToLower(named)
		} else {
			id.Warnings = append(id.Warnings, "AZURE_CLIENT_ID is not a GUID and is ignored: the system-assigned identity is used")
		}
	}
	id.SystemAssigned = id.ClientID == ""
	if tenant, _ := lookup("AZURE_TENANT_ID"); tenant != "" {
		if !guid.Valid(tenant) {
			return Identity{}, &secret.Error{
				Kind: secret.Malformed, Problem: "AZURE_TENANT_ID is not a GUID, which it must be for a managed identity",
				Advice: "write the tenant's GUID, or remove the variable: the token says which tenant it is",
			}
		}
		id.TenantID = strings.ToLower(tenant)
	}
	return id, nil
}

// hostCredential buys the tokens of one managed identity through azidentity, and keeps them.
// azidentity's own cache cannot be told that a token was refused: all credentials of a
// process share it. So it is asked past that cache, which it is where it is given claims
// (the endpoint gets none of them), and kept is the cache, by scope.
type hostCredential struct {
	endpoint *hostEndpoint
	identity Identity
	azure    azcore.TokenCredential
	kept     map[string]azcore.AccessToken
}

// credential makes the azcore.TokenCredential of a managed identity.
func (e *hostEndpoint) credential(id Identity) (azcore.TokenCredential, error) {
	options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: policy.ClientOptions{
		Transport: e,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // attempt retries
	}}
	if !id.SystemAssigned {
		options.ID = azidentity.ClientID(id.ClientID)
	}
	azure, err := azidentity.NewManagedIdentityCredential(options)
	return &hostCredential{e, id, azure, map[string]azcore.AccessToken{}}, err
}

// GetToken returns the token that is kept until it is due for a new one, or refused with
// claims. One that still lives is used on where no new one is to be had.
func (h *hostCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	scope, insist := strings.Join(options.Scopes, " "), options.Claims != ""
	kept := h.kept[scope]
	if !insist && time.Now().Before(kept.RefreshOn) {
		return kept, nil
	}
	got, err := h.ask(ctx, options.Scopes)
	switch {
	case err == nil:
		h.kept[scope] = got
	case !insist && time.Now().Before(kept.ExpiresOn.Add(-spare)):
		kept.RefreshOn = wall(refreshPause)
		h.kept[scope] = kept
		return kept, nil
	}
	return got, err
}

// ask gets a token of the endpoint and looks at whom it is for.
func (h *hostCredential) ask(ctx context.Context, scopes []string) (azcore.AccessToken, error) {
	if absent := h.endpoint.look(ctx); absent != nil {
		return azcore.AccessToken{}, absent
	}
	got, err := h.azure.GetToken(ctx, policy.TokenRequestOptions{Scopes: scopes, Claims: "{}"})
	switch {
	case err != nil:
		return azcore.AccessToken{}, err
	case !isToken(got.Token) || !time.Now().Before(got.ExpiresOn):
		return azcore.AccessToken{}, notAToken(http.StatusOK)
	}
	of := principalOf(got.Token)
	switch id := h.identity; {
	case id.TenantID != "" && of.tenant != "" && id.TenantID != of.tenant:
		return azcore.AccessToken{}, &Error{
			Kind: Contradicted, Problem: "the managed identity is of tenant " + of.tenant + ", and AZURE_TENANT_ID names another one",
			Advice: "remove AZURE_TENANT_ID, or run where an identity of its tenant is; a managed identity reads its own tenant only",
		}
	case !id.SystemAssigned && of.client != "" && id.ClientID != of.client:
		return azcore.AccessToken{}, &Error{
			Kind: Rejected, Problem: "the host gave a token of another identity, " + of.client + ", than the one asked for, " + id.ClientID,
			Advice: "assign the identity to the app, or correct AZURE_CLIENT_ID or managed-identity:<client id>",
		}
	}
	if len(scopes) == 1 && scopes[0] == h.endpoint.scope {
		h.endpoint.last.Store(&of)
	}
	if got.RefreshOn.IsZero() {
		got.RefreshOn = got.ExpiresOn.Add(-spare)
	}
	got.RefreshOn = got.RefreshOn.Round(0) // by the wall clock, which a frozen process does not stop
	return got, nil
}

func wall(d time.Duration) time.Time { return time.Now().Add(d).Round(0) }

// told returns a managed identity with what its last token says.
func (e *hostEndpoint) told(id Identity) Identity {
	of := e.last.Load()
	if of == nil {
		return id
	}
	if of.tenant != "" {
		id.TenantID = of.tenant
	}
	if of.client != "" {
		id.ClientID = of.client
	}
	id.ObjectID, id.Roles = of.object, of.roles
	return id
}

// hosted returns the tenant of a managed identity: its token says.
func (c *Credential) hosted(ctx context.Context, id Identity) (string, error) {
	if c.host.last.Load() == nil {
		if _, err := c.acquire(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}}); err != nil {
			return "", err
		}
	}
	if tenant := c.host.told(id).TenantID; tenant != "" {
		return tenant, nil
	}
	return "", &Error{
		Kind: Malformed, Problem: "the token of the managed identity does not say which tenant it is for", Advice: "set AZURE_TENANT_ID to the tenant's GUID",
		Source: c.source.String(),
	}
}
