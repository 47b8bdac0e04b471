package simulator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a tenant served over TLS.
type Server struct {
	// URL is the base address, https://127.0.0.1:port.
	URL string
	// CAPEM is the certificate of the authority that signed the server's.
	CAPEM []byte
	// CertPool holds that certificate alone.
	CertPool *x509.CertPool

	server *http.Server
	done   chan struct{}
	err    error
}

// Start serves the tenant on a free port of the loopback interface, under a
// certificate authority of its own, until ctx ends or Close.
func (t *Tenant) Start(ctx context.Context) (*Server, error) { return t.StartOn(ctx, "127.0.0.1:0") }

// StartOn is Start on a given address, host:port.
func (t *Tenant) StartOn(ctx context.Context, address string) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the simulated tenant: %w", err)
	}
	host, _, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve the simulated tenant: %w", err), listener.Close())
	}
	authority, certificate, err := certificates(host, t.config.Hosts)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a certificate: %w", err), listener.Close())
	}
	s := &Server{
		URL:      "https://" + listener.Addr().String(),
		CAPEM:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}),
		CertPool: x509.NewCertPool(),
		done:     make(chan struct{}),
	}
	s.CertPool.AddCert(authority)
	s.server = &http.Server{
		Handler:           t.Handler(),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	still := t.live()
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() })
	go func() {
		defer close(s.done)
		defer t.Close()
		defer still()
		defer stop()
		if err := s.server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	}()
	return s, nil
}

// live makes the changes that are due, whether or not anybody asks, until still is called.
func (t *Tenant) live() (still func()) {
	if t.config.Churn <= 0 {
		return func() {}
	}
	var changing sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	changing.Go(func() {
		ticker := time.NewTicker(max(time.Minute/time.Duration(t.config.Churn), 20*time.Millisecond))
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				t.directory.Churn(t.config.Churn)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		changing.Wait()
	}
}

// Close stops the server and breaks its connections.
func (s *Server) Close() error {
	err := s.server.Close()
	<-s.done
	return errors.Join(err, s.err)
}

// Wait returns when the server has stopped.
func (s *Server) Wait() error {
	<-s.done
	return s.err
}

// Transport is an http.Transport that trusts the server's authority and nothing
// else.
func (s *Server) Transport() *http.Transport {
	return &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: s.CertPool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}
}

// certificates makes an authority, and a server certificate signed by it for loopback, for
// the address that is served on and for further names.
func certificates(address string, names []string) (authority *x509.Certificate, server tls.Certificate, err error) {
	caKey, caErr := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, keyErr := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(caErr, keyErr); err != nil {
		return nil, tls.Certificate{}, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Rollcall simulated tenant CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	if authority, err = x509.ParseCertificate(der); err != nil {
		return nil, tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Rollcall simulated tenant"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		DNSNames: append([]string{"localhost"}, names...), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(address); ip != nil {
		leaf.IPAddresses = append(leaf.IPAddresses, ip)
	}
	der, err = x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, caKey)
	return authority, tls.Certificate{Certificate: [][]byte{der, authority.Raw}, PrivateKey: key}, err
}
