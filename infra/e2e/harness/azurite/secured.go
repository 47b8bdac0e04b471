package azurite

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// Accounts is how many accounts the services that take tokens have besides [Account], so
// that tests which run side by side do not share names; see [Numbered].
const Accounts = 100

// Numbered is the name of one of them, counted from 0.
func Numbered(i int) string { return fmt.Sprintf("e2eaccount%02d", i) }

// secured is a running service of Azurite that takes tokens as Azure does: over TLS, for
// Storage's audience, within their lifetime. It cannot check their signature.
type secured struct {
	// URL is the service on loopback, with the account in the path.
	URL string
	// Authority is the path of the certificate to trust.
	Authority string

	running *process.Running
	folder  string
	client  *http.Client
}

// startSecured runs a service on a free port of loopback and returns once it listens. What
// it returns is to be closed, whatever the error is.
func startSecured(ctx context.Context, service string) (s secured, err error) {
	if s.folder, err = os.MkdirTemp("", "azurite"); err != nil {
		return s, err
	}
	key, err := s.certify()
	if err != nil {
		return s, err
	}
	s.running, err = start(ctx, service, "--"+service+"Host", "127.0.0.1", "--"+service+"Port", "0", "--oauth", "basic", "--cert", s.Authority, "--key", key)
	if err != nil {
		return s, err
	}
	s.URL = s.running.Address + "/" + Account
	return s, nil
}

// certify writes a certificate for loopback and its key, and returns the key's path. They
// are those of package httptest.
func (s *secured) certify() (key string, err error) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	s.client = &http.Client{Transport: server.Client().Transport, Timeout: startLimit}
	pair := server.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return "", err
	}
	s.Authority, key = filepath.Join(s.folder, "cert.pem"), filepath.Join(s.folder, "key.pem")
	return key, errors.Join(
		os.WriteFile(s.Authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}

// in is the same service with another account. The one that was started is to be closed.
func (s *secured) in(account string) secured {
	return s.at(s.URL[:strings.LastIndexByte(s.URL, '/')], account)
}

func (s *secured) at(address, account string) secured {
	return secured{URL: address + "/" + account, Authority: s.Authority, client: s.client}
}

// Client trusts the server.
func (s *secured) Client() *http.Client { return s.client }

// Close ends the server, waits for it to be gone and removes its certificate.
func (s *secured) Close() {
	if s.running != nil {
		s.running.Close()
	}
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	_ = os.RemoveAll(s.folder)
}

// accounts are all of them, as Azurite's environment names them.
func accounts() string {
	all := []string{Account + ":" + Key}
	for i := range Accounts {
		all = append(all, Numbered(i)+":"+Key)
	}
	return strings.Join(all, ";")
}
