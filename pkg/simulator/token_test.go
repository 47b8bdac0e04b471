package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// volatile replaces what differs from answer to answer.
func volatile(body string) string {
	body = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`).ReplaceAllString(body, "GUID")
	return regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`).ReplaceAllString(body, "TIME")
}

func TestTokenErrorsHaveTheRecordedShape(t *testing.T) {
	const (
		app  = simulator.DefaultClientID
		tail = " Trace ID: GUID Correlation ID: GUID Timestamp: TIME"
		rest = `"timestamp":"TIME","trace_id":"GUID","correlation_id":"GUID"`
	)
	body := func(reason, code, text string, page bool) string {
		s := `{"error":"` + reason + `","error_description":"AADSTS` + code + `: ` + text + tail + `","error_codes":[` + code + `],` + rest
		if page {
			s += `,"error_uri":"https://login.microsoftonline.com/error?code=` + code + `"`
		}
		return s + "}"
	}
	set := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	without := func(name string) func(url.Values) { return func(v url.Values) { v.Del(name) } }
	const wrongTenant = "This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
	const needsDefault = " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
	for _, test := range []struct {
		name   string
		tenant string
		change func(v url.Values)
		status int
		want   string
	}{
		{"wrong secret", "", set("client_secret", "wrong"), 401, body("invalid_client", "7000215", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+app+"'.", true)},
		{"no secret", "", without("client_secret"), 401, body("invalid_client", "7000218", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.", true)},
		{"unknown app", "", set("client_id", "11111111-1111-1111-1111-111111111111"), 400, body("unauthorized_client", "700016", "Application with identifier '11111111-1111-1111-1111-111111111111' was not found in the directory 'Contoso'. "+wrongTenant+"You may have sent your authentication request to the wrong tenant.", true)},
		{"no app id", "", set("client_id", "rollcall"), 400, body("unauthorized_client", "700038", "rollcall is not a valid application identifier.", false)},
		{"unknown tenant", "fabrikam.example", func(url.Values) {}, 400, body("invalid_request", "90002", "Tenant 'fabrikam.example' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", true)},
		{"malformed tenant", "fabrikam", func(url.Values) {}, 400, body("invalid_request", "900023", "Specified tenant identifier 'fabrikam' is neither a valid DNS name, nor a valid external domain.", true)},
		{"common", "common", func(url.Values) {}, 400, body("invalid_request", "9001023", "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.", true)},
		{"unknown resource", "", set("scope", "https://graph.example/.default"), 400, body("invalid_resource", "500011", "The resource principal named https://graph.example was not found in the tenant named Contoso. "+wrongTenant+"You might have sent your authentication request to the wrong tenant.", true)},
		{"no resource", "", set("scope", "openid"), 400, body("invalid_scope", "70011", "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope openid is not valid.", true)},
		{"delegated scope", "", set("scope", "User.Read.All"), 400, body("invalid_scope", "1002012", "The provided value for scope User.Read.All"+needsDefault, true)},
		{"encoded twice", "", set("scope", url.QueryEscape(graphURL+"/.default")), 400, body("invalid_scope", "1002012", "The provided value for scope https%3A%2F%2Fgraph.microsoft.com%2F.default"+needsDefault, true)},
		{"wrong grant", "", set("grant_type", "magic"), 400, body("unsupported_grant_type", "70003", "The app requested an unsupported grant type 'magic'.", false)},
		{"no grant", "", without("grant_type"), 400, body("invalid_request", "900144", "The request body must contain the following parameter: 'grant_type'.", true)},
		{"an assertion of no type", "", set("client_assertion", "x.y.z"), 400, body("invalid_request", "900144", "The request body must contain the following parameter: 'client_assertion_type'.", true)},
	} {
		c := newClient(t, simulator.Config{})
		values, tenant := grant(), test.tenant
		test.change(values)
		if tenant == "" {
			tenant = simulator.DefaultTenant
		}
		a := c.form(tenant, values)
		if a.status != test.status || volatile(a.body) != volatile(test.want) {
			t.Errorf("%s: %d %s\nwant %d %s", test.name, a.status, volatile(a.body), test.status, volatile(test.want))
		}
	}
}

func TestATokenIsIssuedInTheRecordedShape(t *testing.T) {
	c := newClient(t, simulator.Config{})
	form := regexp.MustCompile(`^\{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"[\w-]+\.[\w-]+\.[\w-]{342}"\}$`)
	if a := c.form(simulator.DefaultTenant, grant()); !form.MatchString(a.body) {
		t.Errorf("%d %s", a.status, a.body)
	}
	basic := grant()
	basic.Del("client_secret")
	r := c.request(t.Context(), http.MethodPost, "https://login.microsoftonline.com/"+simulator.DefaultDomain+"/oauth2/v2.0/token", basic.Encode())
	r.SetBasicAuth(url.QueryEscape(simulator.DefaultClientID), url.QueryEscape(simulator.DefaultClientSecret))
	if a := c.do(r); a.status != 200 {
		t.Errorf("HTTP Basic gives %d %s", a.status, a.body)
	}
}

func TestDiscoveryNamesItsOwnHostAndRefusesOtherTenants(t *testing.T) {
	c := newClient(t, simulator.Config{})
	get := func(path string) answer {
		return c.do(c.request(t.Context(), http.MethodGet, "https://login.example:8443/"+path, ""))
	}
	for _, tenant := range []string{simulator.DefaultTenant, simulator.DefaultDomain} {
		var document map[string]any
		a := get(tenant + "/v2.0/.well-known/openid-configuration")
		if err := json.Unmarshal([]byte(a.body), &document); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"issuer":                 "https://login.example:8443/" + simulator.DefaultTenant + "/v2.0",
			"token_endpoint":         "https://login.example:8443/" + simulator.DefaultTenant + "/oauth2/v2.0/token",
			"authorization_endpoint": "https://login.example:8443/" + simulator.DefaultTenant + "/oauth2/v2.0/authorize",
			"jwks_uri":               "https://login.example:8443/" + simulator.DefaultTenant + "/discovery/v2.0/keys",
		} {
			if document[name] != want {
				t.Errorf("%s: %s is %v, want %s", tenant, name, document[name], want)
			}
		}
	}
	if a := get("fabrikam.example/v2.0/.well-known/openid-configuration"); a.status != 400 || !strings.Contains(a.body, `"error":"invalid_tenant"`) || !strings.Contains(a.body, "AADSTS90002") {
		t.Errorf("an unknown tenant gives %d %s", a.status, a.body)
	}
	instance := "common/discovery/instance?api-version=1.1&authorization_endpoint="
	if a := get(instance + url.QueryEscape("https://login.example:8443/x/oauth2/v2.0/authorize")); a.status != 200 || !strings.Contains(a.body, `"aliases":["login.example:8443"]`) {
		t.Errorf("instance discovery gives %d %s", a.status, a.body)
	}
	if a := get(instance + url.QueryEscape("https://elsewhere.example/x")); a.status != 400 || !strings.Contains(a.body, "invalid_instance") {
		t.Errorf("an unknown instance gives %d %s", a.status, a.body)
	}
	if a := get(simulator.DefaultTenant + "/discovery/v2.0/keys"); a.status != 200 || !json.Valid([]byte(a.body)) {
		t.Errorf("the keys give %d %s", a.status, a.body)
	}
}

func TestGraphAcceptsOnlyItsOwnUnexpiredTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 3})
		good := c.token
		other := newClient(t, simulator.Config{Users: 3, Seed: 9}).token
		values := grant()
		values.Set("scope", "https://management.azure.com/.default")
		var wrong struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(c.form(simulator.DefaultTenant, values).body), &wrong); err != nil {
			t.Fatal(err)
		}
		check := func(token string, status int, message string) {
			t.Helper()
			c.token = token
			if a := c.get("/users"); a.status != status || !strings.Contains(a.body, message) {
				t.Errorf("%d %s, want %d %s", a.status, a.body, status, message)
			}
		}
		check(good, 200, "value")
		check("", 401, "Access token is empty.")
		check("abc", 401, "no dots")
		check(other, 401, "Invalid signature.")
		check(good[:len(good)-4]+"AAAA", 401, "Invalid signature.")
		check(wrong.AccessToken, 401, "Invalid audience.")
		time.Sleep(3600 * time.Second)
		check(good, 401, "the token is expired.")
		c.token = good
		seen := c.tenant.Requests()
		if got := seen[len(seen)-1].Authorization; got != "expired" {
			t.Errorf("the journal says %q, want expired", got)
		}
	})
}

func TestARevokedTokenIsChallengedUntilTheClaimsAreAnswered(t *testing.T) {
	const capable = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
	c := newClient(t, simulator.Config{Users: 3})
	plain := c.token
	c.token = c.buy(capable)
	c.page("/users")
	c.tenant.RevokeTokens()
	claims := challenged(t, c)
	c.token = c.buy(capable)
	if claims != challenged(t, c) {
		t.Error("the second challenge differs")
	}
	c.token = c.buy(strings.TrimSuffix(capable, "}}") + "," + strings.TrimPrefix(claims, `{"access_token":{`))
	c.page("/users")
	c.tenant.RevokeTokens()
	challenged(t, c)
	c.token = plain // a client that never said cp1 is never challenged
	c.page("/users")
}

func TestACapableClientsTokenLivesADay(t *testing.T) {
	for _, capability := range []string{"cp1", "CP1"} {
		c := newClient(t, simulator.Config{})
		values := grant()
		values.Set("claims", `{"access_token":{"xms_cc":{"values":["`+capability+`"]}}}`)
		if a := c.form(simulator.DefaultTenant, values); !strings.Contains(a.body, `"expires_in":86400,`) || !strings.Contains(a.body, `"refresh_in":43200,`) {
			t.Errorf("%s: %s", capability, a.body)
		}
	}
}

func TestTheAzureSDKBuysATokenOverTLSAndReadsAPage(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: 10})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	transport := server.Transport()
	defer transport.CloseIdleConnections()
	for _, name := range []string{simulator.DefaultTenant, simulator.DefaultDomain} {
		credential, err := azidentity.NewClientSecretCredential(name, simulator.DefaultClientID, simulator.DefaultClientSecret,
			&azidentity.ClientSecretCredentialOptions{
				ClientOptions: azcore.ClientOptions{
					Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL},
					Transport: &http.Client{Transport: transport},
				},
				DisableInstanceDiscovery: true,
			})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{server.URL + "/.default"}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := &client{t: t, tenant: tenant, http: &http.Client{Transport: transport}, token: token.Token, header: http.Header{}}
		if p := c.page(server.URL + "/v1.0/users"); len(p.Value) != 10 {
			t.Errorf("%s: %d users, want 10", name, len(p.Value))
		}
	}
}
