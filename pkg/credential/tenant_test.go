package credential_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/credential"
)

func TestADomainBecomesItsGUIDOnce(t *testing.T) {
	p, e := environ(canary), &entra{secret: canary}
	p.put("AZURE_TENANT_ID", "Contoso.Example")
	c := newCredential(t, p, e)
	for range 2 {
		got, err := c.Tenant(t.Context())
		if err != nil || got != testTenant {
			t.Fatalf("tenant %q, %v", got, err)
		}
	}
	if _, documents := e.count(); documents != 1 {
		t.Errorf("%d documents read, want 1", documents)
	}
}

func TestAGUIDNeedsNoQuestion(t *testing.T) {
	p, e := environ(canary), &entra{secret: canary}
	p.put("AZURE_TENANT_ID", strings.ToUpper(testTenant))
	got, err := newCredential(t, p, e).Tenant(t.Context())
	if _, documents := e.count(); err != nil || got != testTenant || documents != 0 {
		t.Errorf("tenant %q, %v, %d documents", got, err, documents)
	}
}

func TestAnUnknownTenantIsRejected(t *testing.T) {
	p, e := environ(canary), &entra{secret: canary}
	p.put("AZURE_TENANT_ID", "nobody.example")
	c := newCredential(t, p, e)
	_, err := c.Tenant(t.Context())
	got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
	if got.Code != unknownTenant || got.Tenant != "nobody.example" {
		t.Errorf("error %#v", got)
	}
	_, err = c.Token(t.Context(), "", "")
	if got := wantError(t, err, credential.Rejected, "Credentials.Rejected"); got.Code != unknownTenant {
		t.Errorf("error %#v", got)
	}
}

func TestTheTenantIsAskedForAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e := environ(canary), &entra{secret: canary}
		p.put("AZURE_TENANT_ID", testDomain)
		e.document = func(n int) (*http.Response, error) {
			if n == 1 {
				return answer(http.StatusServiceUnavailable, "", "Retry-After", "3"), nil
			}
			return nil, nil
		}
		if got, err := newCredential(t, p, e).Tenant(t.Context()); err != nil || got != testTenant {
			t.Errorf("tenant %q, %v", got, err)
		}
	})
}

func TestTheTenantIsReadFromIssuerOrEndpoint(t *testing.T) {
	const other = "11111111-2222-4333-8444-555555555555"
	for body, want := range map[string]string{
		`{"issuer":"https://login.example/` + testTenant + `/v2.0"}`:                                                           testTenant,
		`{"issuer":"https://sts.windows.net/` + testTenant + `/"}`:                                                             testTenant,
		`{"issuer":"https://login.example/{tenantid}/v2.0","token_endpoint":"https://x/` + testTenant + `/oauth2/v2.0/token"}`: testTenant,
		`{"issuer":"https://x/` + testTenant + `/v2.0","token_endpoint":"https://x/` + other + `/oauth2/v2.0/token"}`:          "",
		`{"issuer":"https://x/` + testTenant + `/v2.0","token_endpoint":"https://x/contoso.example/oauth2/v2.0/token"}`:        testTenant,
		`{"issuer":"https://login.example/"}`:                                                                                  "",
		`{"issuer":42}`:                                                                                                        "",
		`<html>`:                                                                                                               "",
	} {
		synctest.Test(t, func(t *testing.T) {
			p, e := environ(canary), &entra{secret: canary}
			p.put("AZURE_TENANT_ID", testDomain)
			e.document = func(int) (*http.Response, error) { return answer(http.StatusOK, body), nil }
			if got, err := newCredential(t, p, e).Tenant(t.Context()); got != want || (err == nil) != (want != "") {
				t.Errorf("%s: %q, %v, want %q", body, got, err, want)
			}
		})
	}
}

func TestADocumentThatIsNotOneIsAnError(t *testing.T) {
	p, e := environ(canary), &entra{secret: canary}
	p.put("AZURE_TENANT_ID", testDomain)
	e.document = func(int) (*http.Response, error) { return answer(http.StatusOK, "<html>Welcome</html>"), nil }
	c := newCredential(t, p, e)
	_, err := c.Tenant(t.Context())
	_ = wantError(t, err, credential.Unavailable, "Graph.Unavailable")
	_, err = c.Token(t.Context(), "", "")
	_ = wantError(t, err, credential.Unavailable, "Graph.Unavailable")
}
