package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

type oneToken struct{}

func (oneToken) Token(context.Context, string, string) (string, error) { return "token", nil }

type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func scripted(t *testing.T, transport roundTrip) *graph.Client {
	t.Helper()
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: transport, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// answering is a client of a Graph that gives these bodies.
func answering(t *testing.T, body func(r *http.Request) string) *graph.Client {
	return scripted(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body(r))), Request: r}, nil
	})
}

// refusing is a client of a Graph that gives this error.
func refusing(t *testing.T, status int, body, retryAfter string) *graph.Client {
	return scripted(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})
}
