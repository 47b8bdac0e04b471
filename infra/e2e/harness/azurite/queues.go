package azurite

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// Queues is one running Azurite with its queue service, which takes tokens as Azure
// does: over TLS, for Storage's audience, within their lifetime. It cannot check their
// signature.
type Queues struct {
	// URL is the queue service on loopback, with the account in the path.
	URL string
	// Authority is the path of the certificate to trust.
	Authority string

	running *process.Running
	folder  string
	client  *http.Client
}

// StartQueues runs Azurite's queue service on a free port of loopback and returns once
// it listens. The caller closes it.
func StartQueues(ctx context.Context) (*Queues, error) {
	q := &Queues{}
	if err := q.start(ctx); err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

func (q *Queues) start(ctx context.Context) (err error) {
	if q.folder, err = os.MkdirTemp("", "azurite"); err != nil {
		return err
	}
	key, err := q.certify()
	if err != nil {
		return err
	}
	q.running, err = start(ctx, "queue", "--queueHost", "127.0.0.1", "--queuePort", "0", "--oauth", "basic", "--cert", q.Authority, "--key", key)
	if err != nil {
		return err
	}
	q.URL = q.running.Address + "/" + Account
	return nil
}

// certify writes a certificate for loopback and its key, and returns the key's path. They
// are those of package httptest.
func (q *Queues) certify() (key string, err error) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	q.client = &http.Client{Transport: server.Client().Transport, Timeout: startLimit}
	pair := server.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return "", err
	}
	q.Authority, key = filepath.Join(q.folder, "cert.pem"), filepath.Join(q.folder, "key.pem")
	return key, errors.Join(
		os.WriteFile(q.Authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}

// Client trusts the server.
func (q *Queues) Client() *http.Client { return q.client }

// do makes a request and returns the headers and the body of its answer, whose status is
// one of those wanted.
func (q *Queues) do(ctx context.Context, method, path string, body []byte, want ...int) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, q.URL+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	token, err := identity.Credential{}.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token.Token)
	request.Header.Set("X-Ms-Version", "2021-12-02")
	response, err := q.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(want, response.StatusCode) {
		return nil, nil, &StatusError{Request: method + " " + path, Status: response.StatusCode, Body: string(answer)}
	}
	return response.Header, answer, nil
}

// StatusError is an answer that was not wanted.
type StatusError struct {
	Request string
	Status  int
	Body    string
}

// Error gives the request and its answer.
func (e *StatusError) Error() string {
	return fmt.Sprintf("azurite: %s: %d %s: %s", e.Request, e.Status, http.StatusText(e.Status), e.Body)
}

// Close ends the server, waits for it to be gone and removes its certificate.
func (q *Queues) Close() {
	if q.running != nil {
		q.running.Close()
	}
	if q.client != nil {
		q.client.CloseIdleConnections()
	}
	_ = os.RemoveAll(q.folder)
}
