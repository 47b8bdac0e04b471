package users_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// apiHost is the address under which the caller reached the HTTP API.
const apiHost = "abc123.execute-api.eu-west-1.amazonaws.com"

// get is the event of GET path as the HTTP API sends it, from a caller whose
// token it has verified.
func get(path, query string) events.APIGatewayV2HTTPRequest {
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "GET " + path, RawPath: path, RawQueryString: query,
		Headers: map[string]string{"host": apiHost, "accept": "application/json"},
	}
	event.RequestContext = events.APIGatewayV2HTTPRequestContext{
		APIID: "abc123", Stage: "$default", RouteKey: "GET " + path, DomainName: apiHost,
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
			Method: http.MethodGet, Path: path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1",
		},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
				Claims: map[string]string{"sub": "a-caller", "aud": "rollcall"},
			},
		},
	}
	return event
}

// request sends an HTTP event and returns the HTTP response.
func (f *function) request(t *testing.T, event events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	result := f.invoke(t, event)
	if result.ErrorType != "" {
		t.Fatalf("an HTTP event failed the invocation: %s", result.Payload)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(result.Payload, &response); err != nil {
		t.Fatalf("it is not an HTTP response: %v\n%s", err, result.Payload)
	}
	return response
}

// header finds a header, whatever its case.
func header(r events.APIGatewayV2HTTPResponse, name string) string {
	for have, value := range r.Headers {
		if strings.EqualFold(have, name) {
			return value
		}
	}
	return ""
}

func everyUserByHTTP(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: population}})
	seen := map[string]bool{}
	path, query := "/users", "$top=999"
	for pages := 1; pages <= 2; pages++ {
		response := f.request(t, get(path, query))
		if response.StatusCode != http.StatusOK {
			t.Fatalf("page %d: status %d: %s", pages, response.StatusCode, response.Body)
		}
		if got := header(response, "Content-Type"); !strings.HasPrefix(got, "application/json") {
			t.Errorf("the content type is %q", got)
		}
		if got := header(response, "Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control is %q", got)
		}
		got := f.readPage(t, []byte(response.Body))
		for _, u := range got.Value {
			seen[u.ID] = true
		}
		if got.NextLink == "" {
			break
		}
		next, err := url.Parse(got.NextLink)
		if err != nil || next.Scheme != "https" || next.Host != apiHost {
			t.Fatalf("the nextLink %s does not lead back to the caller's host (%v)", got.NextLink, err)
		}
		path, query = next.Path, next.RawQuery
	}
	if len(seen) != population {
		t.Errorf("two pages have %d users, want %d", len(seen), population)
	}
}

func noCaller(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	event := get("/users", "")
	event.RequestContext.Authorizer = nil
	response := f.request(t, event)
	if response.StatusCode != http.StatusUnauthorized || !strings.Contains(response.Body, "Request.Unauthorized") {
		t.Errorf("it answered %d: %s", response.StatusCode, response.Body)
	}
	if n := len(f.tenant.Requests()); n != 0 {
		t.Errorf("%d requests went to the tenant for an unverified caller", n)
	}
}

func httpFailure(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3, Faults: []simulator.Fault{{Name: "403"}}}})
	response := f.request(t, get("/v1.0/users", ""))
	var envelope struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(response.Body), &envelope); err != nil {
		t.Fatalf("it is not an error envelope: %v: %s", err, response.Body)
	}
	if response.StatusCode != http.StatusBadGateway || envelope.Error.Code != "Graph.AccessDenied" {
		t.Errorf("it answered %d: %s", response.StatusCode, response.Body)
	}
}
