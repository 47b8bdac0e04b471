package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/reader"
)

// trust honours SSL_CERT_FILE on every system. Go does so by itself on Linux
// only, and without it a simulated tenant could not be read on macOS or Windows.
func trust(environ []string) ([]reader.Option, error) {
	name := lookup(environ, "SSL_CERT_FILE")
	if name == "" {
		return nil, nil
	}
	certificates, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, &usageError{fmt.Sprintf("SSL_CERT_FILE: %v; name a file that exists, or unset it", err)}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(certificates) {
		return nil, &usageError{"SSL_CERT_FILE: " + name + " holds no PEM certificate"}
	}
	transport := graph.NewTransport()
	transport.TLSClientConfig.RootCAs = pool
	return []reader.Option{reader.WithTransport(transport)}, nil
}
