package credential_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/credential"
)

// overTLS serves an entra over real TLS, with handle in front of it.
func overTLS(t *testing.T, e *entra, handle func(w http.ResponseWriter, r *http.Request) bool) func(*credential.Config) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle != nil && handle(w, r) {
			return
		}
		r.URL.Host = r.Host
		resp, err := e.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(resp.StatusCode)
		body := make([]byte, 4096)
		n, _ := resp.Body.Read(body)
		_, _ = w.Write(body[:n])
		_ = resp.Body.Close()
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return func(cfg *credential.Config) {
		cfg.LoginURL = server.URL
		cfg.Transport = server.Client().Transport
	}
}

func TestATokenIsBoughtOverTLSFromAnotherLoginHost(t *testing.T) {
	at := overTLS(t, &entra{secret: canary}, nil)
	if got := mustToken(t, newCredential(t, environ(canary), nil, at), "", ""); got != "token-1" {
		t.Errorf("token %q", got)
	}
}

func TestACertificateThatNobodyTrustsIsNamed(t *testing.T) {
	at := overTLS(t, &entra{secret: canary}, nil)
	c := newCredential(t, environ(canary), nil, at, func(cfg *credential.Config) { cfg.Transport = &http.Transport{} })
	_, err := c.Token(t.Context(), "", "")
	mustContain(t, wantError(t, err, credential.Unavailable, "Graph.Unavailable").Error(), "certificate is not trusted")
}

// document writes an OpenID configuration with the given token endpoint.
func document(w http.ResponseWriter, issuer, endpoint string) bool {
	return json.NewEncoder(w).Encode(map[string]string{
		"issuer": issuer + "/v2.0", "authorization_endpoint": issuer + "/a", "token_endpoint": endpoint,
	}) == nil
}

func TestTheSecretGoesToNoOtherHost(t *testing.T) {
	var strayed atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer other.Close()
	for name, handle := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"token endpoint elsewhere": func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "openid-configuration") {
				return false
			}
			own := "https://" + r.Host + "/" + testTenant
			return document(w, own, other.URL+"/"+testTenant+"/oauth2/v2.0/token")
		},
		"token endpoint without TLS": func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "openid-configuration") {
				return false
			}
			own := "https://" + r.Host + "/" + testTenant
			return document(w, own, "http://"+r.Host+"/token")
		},
		"redirect of the token request": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "openid-configuration") {
				return false
			}
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return true
		},
		"redirect of the document": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL, http.StatusFound)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := overTLS(t, &entra{secret: canary}, handle)
			_, err := newCredential(t, environ(canary), nil, at).Token(t.Context(), "", "")
			_ = wantError(t, err, credential.Unavailable, "Graph.Unavailable")
			if strayed.Load() != 0 {
				t.Error("another host was asked")
			}
		})
	}
}

func TestOnlyTheLoginHostAndItsRegionsAreAllowed(t *testing.T) {
	for login, hosts := range map[string]map[string]bool{
		credential.DefaultLoginURL: {
			"login.microsoftonline.com": true, "LOGIN.microsoftonline.com": true, "westeurope.login.microsoft.com": true,
			"westeurope.login.microsoftonline.com": true, "login.microsoftonline.com.evil.example": false,
			"evillogin.microsoftonline.com": false, "login.microsoftonline.com:8443": false, "evil.example": false,
		},
		"https://login.example:8443": {"login.example:8443": true, "login.example": false, "westeurope.login.microsoft.com": false},
	} {
		for host, want := range hosts {
			e := &entra{secret: canary}
			e.document = func(int) (*http.Response, error) {
				own, token := login+"/"+testTenant, "https://"+host+"/"+testTenant+"/oauth2/v2.0/token"
				return answer(http.StatusOK, `{"issuer":"`+own+`/v2.0","authorization_endpoint":"`+own+`/a","token_endpoint":"`+token+`"}`), nil
			}
			c := newCredential(t, environ(canary), e, func(cfg *credential.Config) { cfg.LoginURL, cfg.Patience = login, 1 })
			_, err := c.Token(t.Context(), "", "")
			if tokens, _ := e.count(); (err == nil) != want || (tokens > 0) != want {
				t.Errorf("with %s as login host, %s was sent %d token requests: %v", login, host, tokens, err)
			}
		}
	}
}

func TestAnEndlessAnswerIsRefused(t *testing.T) {
	e := &entra{secret: canary}
	e.before = func(int, url.Values) (*http.Response, error) {
		padding := strings.Repeat(" ", 1<<20)
		return answer(http.StatusOK, `{"token_type":"Bearer","expires_in":3599,"access_token":"t"}`+padding), nil
	}
	c := newCredential(t, environ(canary), e, func(cfg *credential.Config) { cfg.Patience = 1 })
	_, err := c.Token(t.Context(), "", "")
	_ = wantError(t, err, credential.Unavailable, "Graph.Unavailable")
}
