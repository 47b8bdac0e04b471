package azurite

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"

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
func StartQueues(ctx context.Context) (q *Queues, err error) {
	q = &Queues{}
	if q.folder, err = os.MkdirTemp("", "azurite"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			q.Close()
		}
	}()
	key, err := q.certify()
	if err != nil {
		return nil, err
	}
	q.running, err = start(ctx, "queue", "--queueHost", "127.0.0.1", "--queuePort", "0", "--oauth", "basic", "--cert", q.Authority, "--key", key)
	if err != nil {
		return nil, err
	}
	q.URL = q.running.Address + "/" + Account
	return q, nil
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

// CreateQueue makes a queue of the account.
func (q *Queues) CreateQueue(ctx context.Context, name string) error {
	_, err := q.do(ctx, http.MethodPut, name, http.StatusCreated)
	return err
}

// Message is what is in a queue.
type Message struct {
	// Text is as it was sent, in base64 or not.
	Text string `xml:"MessageText"`
	// Expires is when the message is lost, as an HTTP date.
	Expires string `xml:"ExpirationTime"`
	ID      string `xml:"MessageId"`
	Receipt string `xml:"PopReceipt"`
}

// Receive returns messages that are there, and removes them.
func (q *Queues) Receive(ctx context.Context, name string) ([]Message, error) {
	answer, err := q.do(ctx, http.MethodGet, name+"/messages?numofmessages=32", http.StatusOK)
	if err != nil {
		return nil, err
	}
	var list struct {
		Messages []Message `xml:"QueueMessage"`
	}
	if err := xml.Unmarshal(bytes.TrimPrefix(answer, []byte("\ufeff")), &list); err != nil {
		return nil, err
	}
	for _, m := range list.Messages {
		if _, err := q.do(ctx, http.MethodDelete, name+"/messages/"+m.ID+"?popreceipt="+url.QueryEscape(m.Receipt), http.StatusNoContent); err != nil {
			return nil, err
		}
	}
	return list.Messages, nil
}

// do makes a request and returns the body of its answer.
func (q *Queues) do(ctx context.Context, method, path string, want int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, q.URL+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	token, err := identity.Credential{}.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token.Token)
	request.Header.Set("X-Ms-Version", "2021-12-02")
	response, err := q.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("azurite: %s %s: %s: %s", method, path, response.Status, body)
	}
	return body, err
}

// Close ends the server, waits for it to be gone and removes its certificate.
func (q *Queues) Close() {
	if q.running != nil {
		q.running.Close()
	}
	q.client.CloseIdleConnections()
	_ = os.RemoveAll(q.folder)
}
