package credential_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// The codes of Entra ID that the tests speak of most.
const (
	wrongSecret   = 7000215
	expiredSecret = 7000222
	unknownTenant = 90002
)

const (
	testTenant = "5f1c1f0e-6d3b-4a57-9c1d-2f6f3f1f0001"
	testClient = "0b7a4f4e-1111-4c59-8a52-7d1d9f1f0002"
	canary     = "Zq8Q~canary.Secret_0123456789-abcdefghij"
	testTrace  = "3c0e5f1a-aaaa-4bbb-8ccc-000000000003"
	testCorrel = "9d2b7c41-dddd-4eee-8fff-000000000004"
	testDomain = "contoso.example"
)

// entra is a login host in memory: the OpenID documents and the token endpoint of
// one tenant, and before those whatever a test puts in the way.
type entra struct {
	mu sync.Mutex
	// secret is the one that is accepted.
	secret string
	// before, when set, answers token request n (from 1) instead, unless it
	// returns nil.
	before func(n int, form url.Values) (*http.Response, error)
	// document, when set, answers requests for OpenID documents likewise.
	document func(n int) (*http.Response, error)

	tokens, documents int
	forms             []url.Values
	hosts             []string // of all requests
}

func (e *entra) RoundTrip(req *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	e.hosts = append(e.hosts, req.URL.Host)
	if req.Host != "" && req.Host != req.URL.Host {
		e.hosts = append(e.hosts, req.Host)
	}
	tenant := strings.Split(req.URL.Path, "/")[1]
	if strings.HasSuffix(req.URL.Path, "/.well-known/openid-configuration") {
		e.documents++
		return e.configuration(req, tenant)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	e.tokens++
	e.forms = append(e.forms, form)
	if e.before != nil {
		if resp, err := e.before(e.tokens, form); resp != nil || err != nil {
			return resp, err
		}
	}
	if form.Get("client_secret") != e.secret {
		return refusal401(wrongSecret), nil
	}
	return answer(http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"token-%d"}`, e.tokens)), nil
}

func (e *entra) configuration(req *http.Request, tenant string) (*http.Response, error) {
	if e.document != nil {
		if resp, err := e.document(e.documents); resp != nil || err != nil {
			return resp, err
		}
	}
	if tenant != testTenant && tenant != testDomain {
		return errorAnswer(http.StatusBadRequest, "invalid_tenant", unknownTenant), nil
	}
	host := "https://" + req.URL.Host + "/" + testTenant
	return answer(http.StatusOK, fmt.Sprintf(`{"issuer":"%[1]s/v2.0","token_endpoint":"%[1]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize"}`, host)), nil
}

func (e *entra) count() (tokens, documents int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tokens, e.documents
}

func (e *entra) accept(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secret = secret
}

func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// errorAnswer has the form of Entra's error bodies; its description repeats what
// must not get out.
func errorAnswer(status int, name string, codes ...int) *http.Response {
	body, err := json.Marshal(map[string]any{
		"error":             name,
		"error_description": fmt.Sprintf("AADSTS%v: refused for %s. Trace ID: %s", codes, canary, testTrace),
		"error_codes":       codes,
		"timestamp":         "2026-11-22 10:00:00Z",
		"trace_id":          testTrace,
		"correlation_id":    testCorrel,
	})
	if err != nil {
		body = []byte(err.Error())
	}
	return answer(status, string(body))
}

func refusal401(code int) *http.Response {
	return errorAnswer(http.StatusUnauthorized, "invalid_client", code)
}

// environment is an env: source whose values a test changes.
type environment struct {
	mu     sync.Mutex
	values map[string]string
	reads  int
}

func environ(secret string) *environment {
	return &environment{values: map[string]string{"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": testClient, "AZURE_CLIENT_SECRET": secret}}
}

func (p *environment) lookup(name string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == "AZURE_CLIENT_SECRET" {
		p.reads++
	}
	value, ok := p.values[name]
	return value, ok
}

func (p *environment) put(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values = maps.Clone(p.values)
	p.values[name] = value
}

func (p *environment) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads
}

// newCredential wires an environment and a login host; change adjusts the rest.
func newCredential(t *testing.T, p *environment, e *entra, change ...func(*credential.Config)) *credential.Credential {
	t.Helper()
	cfg := credential.Config{Source: secret.Source{Scheme: secret.Environment}, LookupEnv: p.lookup, Transport: e}
	for _, f := range change {
		f(&cfg)
	}
	c, err := credential.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
