// Package appservice is the front end of Azure App Service: TLS ends there, and requests go
// on to the instances of a function app, over plain HTTP and with headers that say so.
package appservice

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"github.com/google/uuid"
)

// Front is one that listens on loopback.
type Front struct {
	// URL is its address, https://127.0.0.1:port.
	URL string
	// CertPEM is the certificate to trust.
	CertPEM []byte

	server *httptest.Server
	mu     sync.Mutex
	target *url.URL
}

// Start starts a front end without an instance. The caller closes it.
func Start(context.Context) (*Front, error) {
	f := &Front{}
	proxy := &httputil.ReverseProxy{
		Rewrite: f.rewrite, FlushInterval: -1,
		ErrorLog: log.New(io.Discard, "", 0), // instances that end are what some tests are about
	}
	f.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.instance() == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	f.URL = f.server.URL
	f.CertPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	return f, nil
}

// Use leads requests to an instance, http://127.0.0.1:port, from now on.
func (f *Front) Use(instance string) error {
	target, err := url.Parse(instance)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
	return nil
}

func (f *Front) instance() *url.URL {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.target
}

// rewrite leaves a request as it is but for the headers that the platform sets.
func (f *Front) rewrite(p *httputil.ProxyRequest) {
	target := f.instance()
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.RawQuery = target.Scheme, target.Host, p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for name, value := range map[string]string{
		"X-Forwarded-For": p.In.RemoteAddr, "Client-Ip": p.In.RemoteAddr, "X-Client-Ip": "127.0.0.1",
		"X-Forwarded-Proto": "https", "X-Appservice-Proto": "https", "X-Forwarded-Tlsversion": "1.3",
		"X-Arr-Ssl": "2048|256|CN=Microsoft Azure RSA TLS Issuing CA 04|CN=*.azurewebsites.net", "X-Arr-Log-Id": uuid.NewString(),
		"X-Site-Deployment-Id": "rollcall-e2e", "Was-Default-Hostname": "rollcall-e2e.azurewebsites.net", "Disguised-Host": p.In.Host,
		"X-Original-Url": p.In.URL.RequestURI(), "X-Waws-Unencoded-Url": p.In.URL.RequestURI(), "Max-Forwards": "10",
	} {
		p.Out.Header.Set(name, value)
	}
}

// Client trusts the front end. It asks for no compression by itself, and follows no redirect.
func (f *Front) Client() *http.Client {
	client := *f.server.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.DisableCompression = true
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Close ends the front end.
func (f *Front) Close() { f.server.Close() }
