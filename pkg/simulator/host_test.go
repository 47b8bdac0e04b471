package simulator_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// named serves a tenant under names, and returns a client that reaches it under every
// name and port, as with a hosts file.
func named(t *testing.T, names ...string) *client {
	t.Helper()
	tenant := simulator.New(simulator.Config{Users: 300, Hosts: names})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	transport := server.Transport()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(server.URL, "https://"))
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, tenant: tenant, header: http.Header{}, http: &http.Client{Transport: transport}}
}

func TestATenantAnswersUnderEachOfItsNamesAndLinksBackToIt(t *testing.T) {
	c := named(t, "graph.microsoft.com", "login.microsoftonline.com", "graph.microsoft.us")
	for _, origin := range []string{"https://graph.microsoft.com", "https://graph.microsoft.us", "https://graph.microsoft.us:8443", "https://localhost"} {
		form := grant()
		form.Set("scope", origin+"/.default")
		if origin == "https://localhost" { // its own address, which needs no --host, is its audience there only
			form.Set("scope", graphURL+"/.default")
		}
		var token struct {
			AccessToken string `json:"access_token"`
		}
		a := c.form(simulator.DefaultTenant, form)
		if err := json.Unmarshal([]byte(a.body), &token); err != nil || token.AccessToken == "" {
			t.Fatalf("%s: the token service answers %d %s %v", origin, a.status, a.body, a.err)
		}
		c.token = token.AccessToken
		p := c.page(origin + "/v1.0/users?$select=id")
		if !strings.HasPrefix(p.Next, origin+"/v1.0/users?") || !strings.HasPrefix(p.Context, origin+"/v1.0/$metadata#users") {
			t.Errorf("%s: the context is %s, the link %s", origin, p.Context, p.Next)
		}
		if p = c.page(p.Next); len(p.Value) != 100 {
			t.Errorf("%s: the second page has %d users", origin, len(p.Value))
		}
	}
}

func TestANameThatATenantWasNotGivenIsNotItsOwn(t *testing.T) {
	c := named(t, "graph.microsoft.com", "login.microsoftonline.com")
	if a := c.get("https://graph.microsoft.us/v1.0/users"); a.err == nil || !strings.Contains(a.err.Error(), "graph.microsoft.us") {
		t.Errorf("its certificate is good for another name: %d %v", a.status, a.err)
	}
	form := grant()
	form.Set("scope", "https://graph.microsoft.us/.default")
	if a := c.form(simulator.DefaultTenant, form); a.status != 400 || !strings.Contains(a.body, "AADSTS500011") {
		t.Errorf("a token for another host: %d %s", a.status, a.body)
	}
}

func TestDiscoveryNamesTheHostByWhichItWasAsked(t *testing.T) {
	c := named(t, "login.microsoftonline.com", "login.microsoftonline.us")
	get := func(address string) answer { return c.do(c.request(t.Context(), http.MethodGet, address, "")) }
	var document struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	const authority = "https://login.microsoftonline.com/" + simulator.DefaultTenant
	a := get(authority + "/v2.0/.well-known/openid-configuration")
	if err := json.Unmarshal([]byte(a.body), &document); err != nil || document.Issuer != authority+"/v2.0" || document.TokenEndpoint != authority+"/oauth2/v2.0/token" {
		t.Errorf("%d %s (%v %v)", a.status, a.body, err, a.err)
	}
	// The public cloud is asked about every authority that a library does not know.
	instance := "https://login.microsoftonline.com/common/discovery/instance?api-version=1.1&authorization_endpoint="
	for host, status := range map[string]int{"login.microsoftonline.us": 200, "login.microsoftonline.us:8443": 200, "login.microsoftonline.com": 200, "login.partner.microsoftonline.cn": 400} {
		a := get(instance + url.QueryEscape("https://"+host+"/x/oauth2/v2.0/authorize"))
		if a.status != status || status == 200 && !strings.Contains(a.body, `"aliases":["`+host+`"]`) {
			t.Errorf("%s: %d %s", host, a.status, a.body)
		}
	}
}
