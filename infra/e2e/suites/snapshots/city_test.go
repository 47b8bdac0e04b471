package snapshots

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// city serves several tenants by one login and Graph host, as Microsoft does: the
// token service by the path, Graph by the token.
type city struct {
	url     string
	ca      []byte
	mu      sync.Mutex
	tenants map[string]*simulator.Tenant // by GUID
	tokens  map[string]*simulator.Tenant
}

func startCity(t *testing.T, tenants ...*simulator.Tenant) *city {
	t.Helper()
	c := &city{tenants: map[string]*simulator.Tenant{}, tokens: map[string]*simulator.Tenant{}}
	for _, tenant := range tenants {
		c.tenants[tenant.Config().Tenant] = tenant
	}
	server := httptest.NewTLSServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	c.url = server.URL
	c.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return c
}

func (c *city) serve(w http.ResponseWriter, r *http.Request) {
	tenant := c.find(r)
	if tenant == nil {
		http.Error(w, "nobody lives here", http.StatusNotFound)
		return
	}
	forward := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "https", r.Host, r.Host
		},
		Transport:      tenant.Transport(),
		ModifyResponse: func(reply *http.Response) error { return c.note(tenant, reply) },
	}
	forward.ServeHTTP(w, r)
}

func (c *city) find(r *http.Request) *simulator.Tenant {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tenant := c.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]; tenant != nil {
		return tenant
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return c.tenants[name]
}

// note remembers whose token a reply of the token service holds.
func (c *city) note(tenant *simulator.Tenant, reply *http.Response) error {
	if !strings.HasSuffix(reply.Request.URL.Path, "/token") {
		return nil
	}
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	reply.Body = io.NopCloser(bytes.NewReader(body))
	var bought struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(body, &bought) == nil && bought.Token != "" {
		c.mu.Lock()
		c.tokens[bought.Token] = tenant
		c.mu.Unlock()
	}
	return nil
}
