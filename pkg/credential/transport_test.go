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
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
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

// strayed lets the documents of a login host name a token endpoint at authority, and
// returns the hosts that were asked for tokens or documents, and how many tokens.
func strayed(t *testing.T, login, authority string, change ...func(*credential.Config)) (hosts []string, tokens int, err error) {
	t.Helper()
	e := &entra{secret: canary}
	e.document = func(int) (*http.Response, error) {
		own, token := login+"/"+testTenant, "https://"+authority+"/"+testTenant+"/oauth2/v2.0/token"
		body, err := json.Marshal(map[string]string{"issuer": own + "/v2.0", "authorization_endpoint": own + "/a", "token_endpoint": token})
		return answer(http.StatusOK, string(body)), err
	}
	change = append([]func(*credential.Config){func(cfg *credential.Config) { cfg.LoginURL, cfg.Patience = login, 1 }}, change...)
	_, err = newCredential(t, environ(canary), e, change...).Token(t.Context(), "", "")
	tokens, _ = e.count()
	return e.hosts, tokens, err
}

func TestTheSecretGoesToTheConfiguredHostAndNoOther(t *testing.T) {
	public := cloud.Public().LoginURL
	for login, hosts := range map[string]map[string]bool{
		public: {
			"login.microsoftonline.com": true, "LOGIN.microsoftonline.com": true, "login.microsoftonline.com:443": true,
			"westeurope.login.microsoft.com": false, "westeurope.login.microsoftonline.com": false, "login.windows.net": false,
			"login.microsoftonline.com.evil.example": false, "evillogin.microsoftonline.com": false, "evil.example": false,
			"login.microsoftonline.com:8443": false, "login.microsoftonline.com:80": false,
			"login.microsoftonline.com:":     true, // net/http drops an empty port
			"login.microsoftonline.com:0443": false, "login.microsoftonline.com.": false, "login.microsoftonline.com.:443": false,
			"login.m\u0130crosoftonline.com": false, "LOGIN.M\u0130CROSOFTONLINE.COM": false, "login.m%C4%B0crosoftonline.com": false,
			"login.micro\u017foftonline.com": false, "login.microsoftonl\u0131ne.com": false, "login\u3002microsoftonline.com": false,
			"\uff4cogin.microsoftonline.com": false, "login.microsoft\u00adonline.com": false, "login.microsoft\u200bonline.com": false,
			"user@login.microsoftonline.com": false, "user:password@login.microsoftonline.com": false, "@login.microsoftonline.com": false,
			"login.microsoftonline.com@evil.example": false, "login.microsoftonline.com%2eevil.example": false,
			"login.microsoftonline.com%00": false, "[fe80::1%25eth0]": false, "": false,
		},
		"https://login.example:8443": {"login.example:8443": true, "LOGIN.EXAMPLE:8443": true, "login.example": false, "a.login.example:8443": false, "westeurope.login.microsoft.com": false},
		"https://sts.kontoso.example": {
			"sts.kontoso.example": true, "sts.\u212aontoso.example": false, "st\u017f.kontoso.example": false,
		},
		"https://[::1]:8443": {"[::1]:8443": true, "[::1%25a]:8443": false, "[0:0:0:0:0:0:0:1]:8443": false},
	} {
		for host, want := range hosts {
			synctest.Test(t, func(t *testing.T) {
				hosts, tokens, err := strayed(t, login, host)
				if (err == nil) != want || (tokens > 0) != want {
					t.Errorf("with %s as login host, %+q was sent %d token requests: %v", login, host, tokens, err)
				}
				for _, asked := range hosts {
					if "https://"+asked != login {
						t.Errorf("with %s as login host, %+q was asked", login, asked)
					}
				}
			})
		}
	}
}

func TestATenantOfAnotherCloudIsExplained(t *testing.T) {
	for _, row := range []struct{ cloud, host, want string }{
		{"public", "login.microsoftonline.us", "set ROLLCALL_CLOUD=usgov"},
		{"public", "login.partner.microsoftonline.cn", "set ROLLCALL_CLOUD=china"},
		{"usgov-dod", "login.microsoftonline.com", "set ROLLCALL_CLOUD=public"},
		{"bleu", "login.sovcloud-identity.de", "set ROLLCALL_CLOUD=delos"},
		{"public", "login.microsoftonline.de", "use the cloud that the tenant moved to"},
		{"public", "evil.example", "check the login URL"},
	} {
		synctest.Test(t, func(t *testing.T) {
			own, _ := cloud.Named(row.cloud)
			hosts, tokens, err := strayed(t, own.LoginURL, row.host, func(cfg *credential.Config) { cfg.Cloud = own })
			if err == nil || tokens > 0 || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("%v: %d token requests, %v", row, tokens, err)
			}
			if elsewhere := row.host == "evil.example"; !elsewhere {
				_ = wantError(t, err, credential.Rejected, "Credentials.Rejected")
				mustContain(t, err.Error(), "another cloud than ROLLCALL_CLOUD, which is "+row.cloud)
			}
			for _, host := range hosts {
				if "https://"+host != own.LoginURL {
					t.Errorf("%v: %s was asked", row, host)
				}
			}
		})
	}
}

func TestOnlyTheConfiguredRegionIsAskedInstead(t *testing.T) {
	for _, row := range []struct {
		login, region, host string
		want                bool
	}{
		{cloud.Public().LoginURL, "westeurope", "westeurope.login.microsoft.com", true},
		{cloud.Public().LoginURL, "westeurope", "westeurope.login.microsoftonline.com", true},
		{cloud.Public().LoginURL, "westeurope", "WestEurope.Login.Microsoft.com:443", true},
		{cloud.Public().LoginURL, "westeurope", "eastus.login.microsoft.com", false},
		{cloud.Public().LoginURL, "westeurope", "westeurope.login.chinacloudapi.cn", false},
		{cloud.Public().LoginURL, "westeurope", "westeurope.login.m\u0130crosoft.com", false},
		{cloud.Public().LoginURL, "a/b", "a/b.login.microsoft.com", false},
		{cloud.Public().LoginURL, "evil.example/", "evil.example/.login.microsoft.com", false},
		{"https://login.example:8443", "westeurope", "westeurope.login.example:8443", true},
		{"https://login.example:8443", "westeurope", "westeurope.login.microsoft.com", false},
	} {
		region := environ(canary)
		region.put("AZURE_REGIONAL_AUTHORITY_NAME", row.region)
		_, tokens, err := strayed(t, row.login, row.host, func(cfg *credential.Config) { cfg.LookupEnv = region.lookup })
		if (err == nil) != row.want || (tokens > 0) != row.want {
			t.Errorf("%+v: %d token requests, %v", row, tokens, err)
		}
	}
}

func TestARegionSendsNothingToAnotherCloud(t *testing.T) {
	for _, region := range []string{"westeurope", "Not A Region"} {
		for _, own := range cloud.All() {
			// azidentity reads the variable from the process.
			t.Setenv("AZURE_REGIONAL_AUTHORITY_NAME", region)
			p, e := environ(canary), &entra{secret: canary}
			p.put("AZURE_REGIONAL_AUTHORITY_NAME", region)
			_, err := newCredential(t, p, e, func(cfg *credential.Config) { cfg.Cloud, cfg.Patience = own, 1 }).Token(t.Context(), "", "")
			if valid := region == "westeurope"; valid != (err == nil) {
				t.Errorf("%s, %s: %v", own.Name, region, err)
			}
			for _, host := range e.hosts {
				if own.CheckLogin(host) != nil {
					t.Errorf("%s, %s: %s was asked", own.Name, region, host)
				}
			}
		}
	}
}

// FuzzTheTokenEndpointNamesTheLoginHostOrNone lets a document name any token endpoint.
func FuzzTheTokenEndpointNamesTheLoginHostOrNone(f *testing.F) {
	const login = "https://login.microsoftskin.example"
	for _, seed := range []string{"login.microsoftskin.example", "login.m\u0130crosoftskin.example", "login.microsofts\u212ain.example", "login.microsoftskin.example:443", "login.micro\u017foftskin.example", "a@login.microsoftskin.example", "login.m%C4%B0crosoftskin.example", "login.microsoftskin.example.", "evil.example\\@login.microsoftskin.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, authority string) {
		synctest.Test(t, func(t *testing.T) {
			hosts, _, _ := strayed(t, login, authority)
			for _, host := range hosts {
				if "https://"+host != login {
					t.Errorf("%+q: %+q was asked", authority, host)
				}
			}
		})
	})
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
