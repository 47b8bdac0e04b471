package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// TokenSource acquires tokens from a tenant's own token service and keeps each
// until it is rejected. It is the smallest client that the service accepts, for
// tests of code that needs a token but is not about acquiring one.
type TokenSource struct {
	tenant    *Tenant
	transport http.RoundTripper

	mu     sync.Mutex
	token  string
	bought int
}

// TokenSource returns a token source that asks the tenant through transport.
func (t *Tenant) TokenSource(transport http.RoundTripper) *TokenSource {
	return &TokenSource{tenant: t, transport: transport}
}

// Bought returns how many tokens have been acquired.
func (s *TokenSource) Bought() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bought
}

// Token returns the current token, or a new one if it is the rejected one.
func (s *TokenSource) Token(ctx context.Context, rejected, claims string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && s.token != rejected {
		return s.token, nil
	}
	token, err := s.buy(ctx, claims)
	if err != nil {
		return "", err
	}
	s.token = token
	s.bought++
	return token, nil
}

func (s *TokenSource) buy(ctx context.Context, claims string) (string, error) {
	c := s.tenant.config
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {c.ClientID},
		"client_secret": {c.ClientSecret},
		"scope":         {"https://graph.microsoft.com/.default"},
	}
	if claims != "" {
		form.Set("claims", claims)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"https://login.microsoftonline.com/"+c.Tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.AccessToken == "" {
		return "", errors.New("the token service answers " + answer.Error)
	}
	return answer.AccessToken, nil
}
