// Package identity is an identity of Azure whose tokens nobody signed: as a credential,
// and as the managed identity of a function behind the endpoint that App Service gives it.
package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
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
	return part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(claims) + "." + part([]byte("unsigned")), end
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

// Endpoint is the endpoint of a managed identity.
type Endpoint struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  map[string]int
}

// header is the secret that the endpoint wants in each request.
const header = "header-of-the-end-to-end-tests"

// Start starts an endpoint. The caller closes it.
func Start(context.Context) (*Endpoint, error) {
	e := &Endpoint{asked: map[string]int{}}
	e.server = httptest.NewServer(http.HandlerFunc(e.serve))
	return e, nil
}

func (e *Endpoint) serve(w http.ResponseWriter, r *http.Request) {
	resource := r.URL.Query().Get("resource")
	if r.Method != http.MethodGet || r.URL.Query().Get("api-version") != "2019-08-01" || r.Header.Get("X-Identity-Header") != header || resource == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	e.asked[resource]++
	e.mu.Unlock()
	token, end := issue(resource)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"access_token": token, "expires_on": strconv.FormatInt(end.Unix(), 10), "resource": resource, "token_type": "Bearer",
	})
}

// Environ is what App Service tells a function about its identity.
func (e *Endpoint) Environ() []string {
	return []string{
		"IDENTITY_ENDPOINT=" + e.server.URL + "/msi/token", "IDENTITY_HEADER=" + header, "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential",
	}
}

// Asked is how often a token for a resource was asked for.
func (e *Endpoint) Asked(resource string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[resource]
}

// Close ends the endpoint.
func (e *Endpoint) Close() { e.server.Close() }
