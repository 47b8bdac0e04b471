// Package identity is an identity of Azure: as a credential whose tokens nobody signed, and
// as the managed identity of a function behind the endpoint that App Service gives it.
package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// lifetime is that of a token.
const lifetime = time.Hour

// Credential makes up tokens of the audience that they are asked for.
type Credential struct{}

// GetToken makes up a token.
func (Credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	scope, err := url.Parse(o.Scopes[0])
	if err != nil {
		return azcore.AccessToken{}, err
	}
	token, end := issue(scope.Scheme + "://" + scope.Host)
	return azcore.AccessToken{Token: token, ExpiresOn: end}, nil
}

// issue returns a token for an audience, and when it ends.
func issue(audience string) (token string, end time.Time) {
	now := time.Now()
	end = now.Add(lifetime)
	claims, _ := json.Marshal(map[string]any{ // of texts and numbers
		"aud": audience, "iss": "https://sts.windows.net/7c0de5e1-1a57-4ace-8c0b-0123456789ab/",
		"iat": now.Unix() - 60, "nbf": now.Unix() - 60, "exp": end.Unix(),
	})
	part := base64.RawURLEncoding.EncodeToString
	token = part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(claims) + "." + part([]byte("unsigned"))
	leak.Name("access token", token)
	return token, end
}

// Audience returns that of the token in a request, "" for none.
func Audience(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Aud string }
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Aud
}

// Endpoint is the endpoint by which Azure vouches for a function: that of a simulated
// tenant, whose Graph takes its tokens.
type Endpoint struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  map[string]int
}

// Start starts an endpoint of a tenant of its own, for services that do not verify tokens.
// Whoever sets AZURE_CLIENT_ID for the app of a client secret asks for the identity of that
// name, which is assigned. The caller closes it.
func Start(ctx context.Context) (*Endpoint, error) {
	return Of(simulator.New(simulator.Config{Identities: []simulator.Identity{
		{ClientID: simulator.DefaultIdentity, SystemAssigned: true}, {ClientID: simulator.DefaultClientID},
	}}))(ctx)
}

// Of returns what starts the endpoint of a tenant's managed identities.
func Of(tenant *simulator.Tenant) func(context.Context) (*Endpoint, error) {
	return func(context.Context) (*Endpoint, error) {
		e := &Endpoint{asked: map[string]int{}}
		vouch := leak.Wire(tenant.IdentityHandler())
		e.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.mu.Lock()
			e.asked[strings.TrimSuffix(r.URL.Query().Get("resource"), "/")]++
			e.mu.Unlock()
			vouch.ServeHTTP(w, r)
		}))
		return e, nil
	}
}

// Platform is what App Service tells a function about its identity.
func (e *Endpoint) Platform() []string {
	return []string{"IDENTITY_ENDPOINT=" + e.server.URL + simulator.IdentityPath, "IDENTITY_HEADER=" + simulator.IdentityHeader}
}

// Environ is Platform for a function whose environment has other credentials, which stores
// and buses are not to use.
func (e *Endpoint) Environ() []string {
	return append(e.Platform(), "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential")
}

// Asked is how often a token for a resource was asked for.
func (e *Endpoint) Asked(resource string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[resource]
}

// Close ends the endpoint.
func (e *Endpoint) Close() { e.server.Close() }
