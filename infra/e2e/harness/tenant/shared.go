package tenant

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Shared serves several tenants on one login and Graph host, as Microsoft does:
// the path says whose token service is meant, the token whose Graph.
type Shared struct {
	// Access has no tenant and no app.
	Access

	server  *httptest.Server
	dir     string
	mu      sync.Mutex
	tenants map[string]*Tenant // by GUID
	tokens  map[string]*Tenant // by token
}

// NewShared makes a host that Start serves.
func NewShared(tenants ...*Tenant) *Shared {
	s := &Shared{tenants: map[string]*Tenant{}, tokens: map[string]*Tenant{}}
	for _, tenant := range tenants {
		s.tenants[tenant.TenantID] = tenant
	}
	return s
}

// Start serves the tenants until Close, on a free port of loopback, and returns
// the host.
func (s *Shared) Start(context.Context) (*Shared, error) {
	var err error
	if s.dir, err = os.MkdirTemp("", "rollcall-tenants-"); err != nil {
		return nil, err
	}
	s.server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	s.Access = Access{URL: s.server.URL, Authorities: filepath.Join(s.dir, "ca.pem")}
	if err := s.Trust(certificate); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the server.
func (s *Shared) Close() {
	s.server.Close()
	_ = os.RemoveAll(s.dir)
}

func (s *Shared) serve(w http.ResponseWriter, r *http.Request) {
	tenant := s.find(r)
	switch {
	case tenant == nil:
		http.Error(w, "there is no such tenant", http.StatusNotFound)
	case strings.HasSuffix(r.URL.Path, "/token"):
		copied := &copier{ResponseWriter: w}
		tenant.Handler().ServeHTTP(copied, r)
		s.keepToken(tenant, copied.body.Bytes())
	default:
		tenant.Handler().ServeHTTP(w, r)
	}
}

func (s *Shared) find(r *http.Request) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tenant := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]; tenant != nil {
		return tenant
	}
	guid, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return s.tenants[guid]
}

// keepToken records whose token a reply of the token service contains.
func (s *Shared) keepToken(tenant *Tenant, reply []byte) {
	var body struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(reply, &body) == nil && body.Token != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tokens[body.Token] = tenant
	}
}

// copier keeps a copy of the body that it passes on.
type copier struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copier) Write(p []byte) (int, error) {
	_, _ = c.body.Write(p)
	return c.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }
