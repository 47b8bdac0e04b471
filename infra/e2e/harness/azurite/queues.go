package azurite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
)

// Queues is one running Azurite with its queue service, which takes tokens.
type Queues struct{ secured }

// StartQueues runs Azurite's queue service on a free port of loopback and returns once
// it listens. The caller closes it.
func StartQueues(ctx context.Context) (*Queues, error) {
	s, err := startSecured(ctx, "queue")
	if err != nil {
		s.Close()
		return nil, err
	}
	return &Queues{s}, nil
}

// In is the same service with another account, one of those of [Numbered].
func (q *Queues) In(account string) *Queues { return &Queues{q.in(account)} }

// At is the same account behind a proxy, whose certificate is one of package httptest.
func (q *Queues) At(proxy string) *Queues {
	return &Queues{q.at(proxy, q.URL[strings.LastIndexByte(q.URL, '/')+1:])}
}

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
