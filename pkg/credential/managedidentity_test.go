package credential_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	appService = "http://169.254.129.2:8081/msi/token"
	assigned   = "a5516ed0-0a57-4f6b-8d3c-5e1f2a3b4c5e" // a user-assigned identity
)

// platform is the environment that Azure gives a process. azidentity reads it from the
// process itself.
func platform(t *testing.T, variables map[string]string) func(string) (string, bool) {
	t.Helper()
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET"} {
		t.Setenv(name, variables[name])
	}
	return func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}
}

func functions(t *testing.T, more ...string) func(string) (string, bool) {
	t.Helper()
	variables := map[string]string{"IDENTITY_ENDPOINT": appService, "IDENTITY_HEADER": simulator.IdentityHeader, "WEBSITE_SITE_NAME": "people"}
	for _, one := range more {
		name, value, _ := strings.Cut(one, "=")
		variables[name] = value
	}
	return platform(t, variables)
}

// identified makes the credential of a managed identity.
func identified(t *testing.T, clientID string, lookup func(string) (string, bool), transport http.RoundTripper, change ...func(*credential.Config)) *credential.Credential {
	t.Helper()
	cfg := credential.Config{Source: secret.Source{Scheme: secret.ManagedIdentity, Name: clientID}, LookupEnv: lookup, Transport: transport}
	for _, f := range change {
		f(&cfg)
	}
	c, err := credential.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hosting is a simulated tenant with a system-assigned and a user-assigned identity.
func hosting(change ...func(*simulator.Config)) *simulator.Tenant {
	cfg := simulator.Config{Users: 1, Identities: []simulator.Identity{
		{ClientID: simulator.DefaultIdentity, SystemAssigned: true, Roles: []string{"User.Read.All", "AuditLog.Read.All"}},
		{ClientID: assigned},
	}}
	for _, f := range change {
		f(&cfg)
	}
	return simulator.New(cfg)
}

// recorder keeps the requests that it passes on.
type recorder struct {
	to       http.RoundTripper
	requests []*http.Request
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, req)
	return r.to.RoundTrip(req)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// status asks Graph whether it takes a token.
func status(t *testing.T, tenant *simulator.Tenant, token string) int {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := tenant.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestAManagedIdentityGetsATokenThatGraphTakes(t *testing.T) {
	for name, lookup := range map[string]func(*testing.T) func(string) (string, bool){
		"Azure Functions":   func(t *testing.T) func(string) (string, bool) { return functions(t) },
		"a virtual machine": func(t *testing.T) func(string) (string, bool) { return platform(t, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			tenant := hosting()
			c := identified(t, "", lookup(t), tenant.Transport())
			if id, err := c.Identity(t.Context()); err != nil || id.String() != "system-assigned managed identity" || id.Roles != nil {
				t.Errorf("before the first token: %v, roles %v, %v", id, id.Roles, err)
			}
			if got := status(t, tenant, mustToken(t, c, "", "")); got != http.StatusOK {
				t.Errorf("Graph answers %d", got)
			}
			guid, err := c.Tenant(t.Context())
			if err != nil || guid != simulator.DefaultTenant {
				t.Errorf("tenant %q, %v", guid, err)
			}
			id, err := c.Identity(t.Context())
			want := credential.Identity{
				Method: credential.ManagedIdentity, TenantID: simulator.DefaultTenant, ClientID: simulator.DefaultIdentity, SystemAssigned: true,
				ObjectID: tenant.IdentityObject(simulator.DefaultIdentity), Roles: []string{"User.Read.All", "AuditLog.Read.All"},
			}
			if diff := cmp.Diff(want, id); diff != "" || err != nil {
				t.Error(diff, err)
			}
			mustContain(t, id.String(), "system-assigned", simulator.DefaultIdentity, want.ObjectID, simulator.DefaultTenant)
		})
	}
}

func TestTheMetadataServiceIsLookedForOnce(t *testing.T) {
	tenant := hosting()
	asked := &recorder{to: tenant.Transport()}
	c := identified(t, "", platform(t, nil), asked)
	first := mustToken(t, c, "", "")
	tenant.ForgetIdentityTokens()
	mustToken(t, c, first, "")
	var without int
	for _, req := range asked.requests {
		if req.Header.Get("Metadata") == "" {
			without++
		}
	}
	if without != 1 || len(asked.requests) != 3 {
		t.Errorf("%d requests, %d of them without the header Metadata; want 3 and 1", len(asked.requests), without)
	}
}

func TestTheTenantOfAManagedIdentityNeedsNoOtherCall(t *testing.T) {
	c := identified(t, "", functions(t), hosting().Transport())
	if guid, err := c.Tenant(t.Context()); err != nil || guid != simulator.DefaultTenant {
		t.Errorf("tenant %q, %v", guid, err)
	}
}

func TestTheClientIDSaysWhichIdentityIsMeant(t *testing.T) {
	for name, row := range map[string]struct {
		source, variable, want string
		warned                 bool
	}{
		"system-assigned":         {"", "", simulator.DefaultIdentity, false},
		"named by the source":     {assigned, "", assigned, false},
		"named by the variable":   {"", strings.ToUpper(assigned), assigned, false},
		"the source goes first":   {simulator.DefaultIdentity, assigned, simulator.DefaultIdentity, false},
		"a variable of another's": {"", canary, simulator.DefaultIdentity, true},
	} {
		t.Run(name, func(t *testing.T) {
			var more []string
			if row.variable != "" {
				more = []string{"AZURE_CLIENT_ID=" + row.variable}
			}
			c := identified(t, row.source, functions(t, more...), hosting().Transport())
			mustToken(t, c, "", "")
			id, err := c.Identity(t.Context())
			if err != nil || id.ClientID != row.want || (len(id.Warnings) > 0) != row.warned || id.SystemAssigned != (row.source == "" && (row.variable == "" || row.warned)) {
				t.Errorf("identity %v, warnings %q, %v", id, id.Warnings, err)
			}
			wantNoCanary(t, prints(t, id), canary)
		})
	}
}

func TestAHostWithoutTheIdentitySaysHowToAssignIt(t *testing.T) {
	for name, row := range map[string]struct {
		source string
		more   []string
		none   bool
		want   []string
	}{
		"user-assigned":   {"11111111-2222-3333-4444-555555555555", nil, false, []string{"11111111-2222-3333-4444-555555555555", "az functionapp identity assign --identities"}},
		"system-assigned": {"", nil, true, []string{"no system-assigned managed identity", "az functionapp identity assign", "managed-identity:<client id>"}},
		"app's variables": {"", []string{"AZURE_CLIENT_ID=" + testClient, "AZURE_CLIENT_SECRET=" + canary}, false, []string{testClient, "ROLLCALL_CREDENTIALS=env:"}},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := hosting(func(cfg *simulator.Config) {
				if row.none {
					cfg.Identities = []simulator.Identity{}
				}
			})
			_, err := identified(t, row.source, functions(t, row.more...), tenant.Transport()).Token(t.Context(), "", "")
			e := wantError(t, err, credential.Rejected, "Credentials.Rejected")
			mustContain(t, e.Error(), append(row.want, "HTTP 400", "source managed-identity:")...)
			wantNoCanary(t, prints(t, e), canary, simulator.IdentityHeader)
		})
	}
}

func TestWhereNothingVouchesForAnybodyItIsSaidAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nothing := roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done() // no route: not even a refusal
			return nil, req.Context().Err()
		})
		start := time.Now()
		_, err := identified(t, "", platform(t, nil), nothing).Token(t.Context(), "", "")
		mustContain(t, wantError(t, err, credential.Missing, "Credentials.Missing").Error(), "metadata service does not answer", "env:")
		if waited := time.Since(start); waited > 5*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
	t.Run("an app without an identity", func(t *testing.T) {
		asked := &recorder{to: hosting().Transport()}
		_, err := identified(t, "", platform(t, map[string]string{"WEBSITE_SITE_NAME": "people"}), asked).Token(t.Context(), "", "")
		mustContain(t, wantError(t, err, credential.Missing, "Credentials.Missing").Error(), "IDENTITY_ENDPOINT is not set", "az functionapp identity assign")
		if len(asked.requests) > 0 {
			t.Errorf("%v was asked", asked.requests[0].URL)
		}
	})
	t.Run("a proxy in the place of the metadata service", func(t *testing.T) {
		proxy := roundTrip(func(*http.Request) (*http.Response, error) {
			return answer(http.StatusForbidden, "unreachable network"), nil
		})
		_, err := identified(t, "", platform(t, nil), proxy).Token(t.Context(), "", "")
		mustContain(t, wantError(t, err, credential.Missing, "Credentials.Missing").Error(), "metadata service")
	})
	t.Run("the caller leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := identified(t, "", platform(t, nil), roundTrip(func(req *http.Request) (*http.Response, error) {
			cancel()
			return nil, req.Context().Err()
		})).Token(ctx, "", "")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTheEndpointOfAManagedIdentityIsNeverElsewhere(t *testing.T) {
	for _, address := range []string{
		"https://169.254.129.2:8081/msi/token", "http://identity.example/msi/token", "http://169.254.129.2.evil.example/msi/token", "http://8.8.8.8/msi/token",
		"http://localho\u017ft/msi/token", "http://user:" + canary + "@127.0.0.1/msi/token", "http://127.0.0.1/msi/token?resource=" + canary, canary,
	} {
		_, err := credential.New(credential.Config{
			Source: secret.Source{Scheme: secret.ManagedIdentity}, LookupEnv: functions(t, "IDENTITY_ENDPOINT="+address), Transport: hosting().Transport(),
		})
		mustContain(t, wantError(t, err, credential.Contradicted, "Config.Invalid").Error(), "IDENTITY_ENDPOINT")
		wantNoCanary(t, err.Error(), canary)
		p := environ(canary)
		p.put("IDENTITY_ENDPOINT", address)
		if got := mustToken(t, newCredential(t, p, &entra{secret: canary}), "", ""); got == "" {
			t.Error("an app with a client secret gets no token")
		}
	}
}

func TestTheHeaderGoesToTheEndpointThatIsNamedAndNoOther(t *testing.T) {
	for name, process := range map[string]string{
		"another host": "http://169.254.129.3:8081/msi/token", "another port": "http://169.254.129.2:8082/msi/token", "another path": "http://169.254.129.2:8081/msi/tokens",
		"another scheme": "https://169.254.129.2:8081/msi/token", "another spelling": "http://169.254.129.2:8081/msi%2ftoken",
	} {
		t.Run(name, func(t *testing.T) {
			asked := &recorder{to: hosting().Transport()}
			lookup := functions(t)
			t.Setenv("IDENTITY_ENDPOINT", process) // as if a library had read another one
			_, err := identified(t, "", lookup, asked).Token(t.Context(), "", "")
			mustContain(t, wantError(t, err, credential.Malformed, "Credentials.Missing").Error(), "IDENTITY_HEADER")
			if len(asked.requests) > 0 {
				t.Errorf("%v was asked", asked.requests[0].URL)
			}
		})
	}
}

func TestOtherHostsOfManagedIdentitiesAreNamedAsUnsupported(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"no header":   {"IDENTITY_ENDPOINT": appService},
		"Cloud Shell": {"MSI_ENDPOINT": "http://localhost:50342/oauth2/token"},
		"Azure ML":    {"MSI_ENDPOINT": "http://localhost:46808/MSI/auth", "MSI_SECRET": canary},
	} {
		t.Run(name, func(t *testing.T) {
			asked := &recorder{to: hosting().Transport()}
			_, err := identified(t, "", platform(t, variables), asked).Token(t.Context(), "", "")
			mustContain(t, wantError(t, err, credential.Malformed, "Credentials.Missing").Error(), "not one whose managed identities are supported")
			for _, req := range asked.requests {
				if req.Header.Get("Metadata")+req.Header.Get("Secret") != "" {
					t.Errorf("%v was asked for a token", req.URL)
				}
			}
		})
	}
}

func TestTheRequestForATokenIsAppServices(t *testing.T) {
	for _, own := range cloud.All() {
		asked := &recorder{to: roundTrip(func(*http.Request) (*http.Response, error) { return answer(http.StatusOK, issued("token-1")), nil })}
		c := identified(t, assigned, functions(t), asked, func(cfg *credential.Config) { cfg.Cloud = own })
		mustToken(t, c, "", "")
		req := asked.requests[0]
		want := url.Values{"api-version": {"2019-08-01"}, "client_id": {assigned}, "resource": {own.GraphURL}}
		if diff := cmp.Diff(want, req.URL.Query()); diff != "" {
			t.Errorf("%s: %s", own.Name, diff)
		}
		if req.Method != http.MethodGet || req.Header.Get("X-IDENTITY-HEADER") != simulator.IdentityHeader || req.Header.Get("Authorization") != "" {
			t.Errorf("%s: %s with %v", own.Name, req.Method, req.Header)
		}
	}
}

func TestAProxyDoesNotSeeTheHeader(t *testing.T) {
	tenant := hosting()
	endpoint := httptest.NewServer(tenant.IdentityHandler())
	t.Cleanup(endpoint.Close)
	lookup := functions(t, "IDENTITY_ENDPOINT="+endpoint.URL+simulator.IdentityPath)
	proxied := &http.Transport{Proxy: func(req *http.Request) (*url.URL, error) {
		t.Errorf("a proxy is looked for, for %s", req.URL.Host)
		return nil, nil
	}}
	t.Cleanup(proxied.CloseIdleConnections)
	mustToken(t, identified(t, "", lookup, proxied), "", "")
}

func TestTheTenantThatIsNamedIsTheOneOfTheIdentity(t *testing.T) {
	tenant := hosting()
	if got := mustToken(t, identified(t, "", functions(t, "AZURE_TENANT_ID="+strings.ToUpper(simulator.DefaultTenant)), tenant.Transport()), "", ""); got == "" {
		t.Error("no token")
	}
	c := identified(t, "", functions(t, "AZURE_TENANT_ID="+testTenant), tenant.Transport())
	_, err := c.Token(t.Context(), "", "")
	mustContain(t, wantError(t, err, credential.Contradicted, "Config.Invalid").Error(), simulator.DefaultTenant, "AZURE_TENANT_ID")
	if _, err := c.Tenant(t.Context()); err == nil {
		t.Error("the tenant is given though the identity is of another one")
	}
	_, err = identified(t, "", functions(t, "AZURE_TENANT_ID="+canary), tenant.Transport()).Token(t.Context(), "", "")
	var unread *secret.Error
	if !errors.As(err, &unread) || unread.Name() != "Credentials.Missing" {
		t.Fatalf("error %v", err)
	}
	mustContain(t, err.Error(), "AZURE_TENANT_ID is not a GUID")
	wantNoCanary(t, err.Error(), canary)
}

// issued is an answer of the endpoint.
func issued(token string) string {
	return `{"access_token":"` + token + `","expires_on":"4070908800","resource":"https://graph.microsoft.com","token_type":"Bearer"}`
}

// tokenOf makes a token of claims.
func tokenOf(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
}

func TestATokenOfAnotherIdentityIsNotUsed(t *testing.T) {
	c := identified(t, assigned, functions(t), roundTrip(func(*http.Request) (*http.Response, error) {
		return answer(http.StatusOK, issued(tokenOf(`{"appid":"`+simulator.DefaultIdentity+`","tid":"`+testTenant+`"}`))), nil
	}))
	_, err := c.Token(t.Context(), "", "")
	mustContain(t, wantError(t, err, credential.Rejected, "Credentials.Rejected").Error(), simulator.DefaultIdentity, assigned)
}

func TestATokenThatCannotBeReadIsUsedAllTheSame(t *testing.T) {
	for name, claims := range map[string]string{
		"not JSON": "x", "a list": "[]", "a number as tenant": `{"tid":1}`, "no GUID": `{"tid":"contoso"}`, "twice": `{"tid":"` + testTenant + `","tid":"` + simulator.DefaultTenant + `"}`,
		"roles of another kind": `{"tid":"` + testTenant + `","roles":"User.Read.All"}`, "a role that is none": `{"tid":"` + testTenant + `","roles":["a b"]}`, "a list in roles": `{"tid":"` + testTenant + `","roles":[["x"]]}`,
	} {
		t.Run(name, func(t *testing.T) {
			give := roundTrip(func(*http.Request) (*http.Response, error) {
				return answer(http.StatusOK, issued(tokenOf(claims))), nil
			})
			c := identified(t, "", functions(t), give)
			if got := mustToken(t, c, "", ""); got != tokenOf(claims) {
				t.Errorf("token %q", got)
			}
			if id, err := c.Identity(t.Context()); err != nil || id.Roles != nil || id.ObjectID != "" || id.TenantID != "" {
				t.Errorf("identity %v, roles %v, %v", id, id.Roles, err)
			}
			_, err := c.Tenant(t.Context())
			mustContain(t, wantError(t, err, credential.Malformed, "Credentials.Missing").Error(), "AZURE_TENANT_ID")
			if guid, err := identified(t, "", functions(t, "AZURE_TENANT_ID="+testTenant), give).Tenant(t.Context()); err != nil || guid != testTenant {
				t.Errorf("tenant %q, %v", guid, err)
			}
		})
	}
}

func TestAManagedIdentitySaysHowItGetsAPermission(t *testing.T) {
	tenant := hosting()
	c := identified(t, assigned, functions(t), tenant.Transport())
	mustContain(t, c.Grant("User.Read.All"), "<object id of the identity>", "df021288-bdef-4463-88db-98f22de89214")
	mustToken(t, c, "", "")
	object := tenant.IdentityObject(assigned)
	mustContain(t, c.Grant("User.Read.All"), `"principalId":"`+object+`"`, "/servicePrincipals/"+object+"/", "https://graph.microsoft.com/v1.0/")
	if text := c.Grant("Mail.Read"); text != "" {
		t.Errorf("a permission that nobody asks for: %s", text)
	}
	china, _ := cloud.Named("china")
	c = identified(t, "", functions(t), tenant.Transport(), func(cfg *credential.Config) { cfg.Cloud = china })
	mustContain(t, c.Grant("AuditLog.Read.All"), china.GraphURL+"/v1.0/", "b0afded3-3588-46d8-8b3d-9842eff778da")
	system := identified(t, "", functions(t), tenant.Transport())
	mustToken(t, system, "", "")
	mustContain(t, system.Grant("AuditLog.Read.All"), "has the permission AuditLog.Read.All")
	if text := newCredential(t, environ(canary), &entra{secret: canary}).Grant("User.Read.All"); text != "" {
		t.Errorf("an app with a registration: %s", text)
	}
}
