package simulator_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const graphURL = "https://graph.microsoft.com"

// client is the plainest possible reader of a tenant.
type client struct {
	t      testing.TB
	http   *http.Client
	tenant *simulator.Tenant
	token  string
	header http.Header
}

func newClient(t testing.TB, config simulator.Config) *client {
	t.Helper()
	return clientOf(t, simulator.New(config))
}

func clientOf(t testing.TB, tenant *simulator.Tenant) *client {
	t.Helper()
	c := &client{
		t: t, tenant: tenant, header: http.Header{},
		http: &http.Client{
			Transport:     tenant.Transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.token = c.buy("")
	return c
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (c *client) do(r *http.Request) answer {
	c.t.Helper()
	response, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body), err}
}

func (c *client) request(ctx context.Context, method, address, body string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// get reads a Graph address; a path is taken below /v1.0.
func (c *client) get(address string) answer {
	c.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = graphURL + "/v1.0" + address
	}
	r := c.request(c.t.Context(), http.MethodGet, address, "")
	for name, values := range c.header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	return c.do(r)
}

// eventual makes all further reads advanced ones.
func (c *client) eventual() *client {
	c.header.Set("ConsistencyLevel", "eventual")
	return c
}

// form sends a token request.
func (c *client) form(tenant string, values url.Values) answer {
	c.t.Helper()
	r := c.request(c.t.Context(), http.MethodPost, "https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token", values.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(r)
}

func grant() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {simulator.DefaultClientID},
		"client_secret": {simulator.DefaultClientSecret}, "scope": {graphURL + "/.default openid offline_access profile"},
	}
}

// buy gets a token, with claims if there are any.
func (c *client) buy(claims string) string {
	c.t.Helper()
	values := grant()
	if secret := c.tenant.Config().ClientSecret; secret != "" {
		values.Set("client_secret", secret)
	}
	if claims != "" {
		values.Set("claims", claims)
	}
	a := c.form(simulator.DefaultTenant, values)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &token); err != nil || a.status != http.StatusOK {
		return ""
	}
	return token.AccessToken
}

type listPage struct {
	Context string                       `json:"@odata.context"`
	Count   *int                         `json:"@odata.count"`
	Next    string                       `json:"@odata.nextLink"`
	Value   []map[string]json.RawMessage `json:"value"`
}

// page reads one page that must be there.
func (c *client) page(address string) listPage {
	c.t.Helper()
	a := c.get(address)
	var p listPage
	if a.status != http.StatusOK || a.err != nil {
		c.t.Fatalf("GET %s: %d %v %s", address, a.status, a.err, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		c.t.Fatalf("GET %s: %v", address, err)
	}
	return p
}

// all reads the list to its end and returns every user's property, as JSON.
func (c *client) all(address, name string) (values []string, pages int) {
	c.t.Helper()
	for address != "" {
		p := c.page(address)
		pages++
		for _, user := range p.Value {
			values = append(values, string(user[name]))
		}
		address = p.Next
		if pages > 5000 {
			c.t.Fatal("the list does not end")
		}
	}
	return values, pages
}

// code is the error code of an answer.
func (a answer) code() string {
	var e struct {
		Error struct{ Code string }
	}
	if json.Unmarshal([]byte(a.body), &e) != nil {
		return "?"
	}
	return e.Error.Code
}

func distinct(values []string) int {
	seen := map[string]bool{}
	for _, v := range values {
		seen[v] = true
	}
	return len(seen)
}
