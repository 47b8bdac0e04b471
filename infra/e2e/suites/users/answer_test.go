package users

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

// page is a page of users, as far as the tests look at it.
type page struct {
	Context  string `json:"@odata.context"`
	NextLink string `json:"@odata.nextLink"`
	Value    []user `json:"value"`
}

type user struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
	Mail              string `json:"mail"`
}

// invoke hands the function an event.
func (p *stage) invoke(t *testing.T, event any) lambdahost.Result {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	result, err := p.host.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("invoke: %v; the log:\n%s", err, p.host.Output())
	}
	for canary := range p.canaries {
		if result.ErrorType != "" && strings.Contains(string(result.Payload), canary) {
			t.Errorf("the error holds %q: %s", canary, result.Payload)
		}
	}
	return result
}

// invokeForPage is invoke for an answer that is a page.
func (p *stage) invokeForPage(t *testing.T, event any) page {
	t.Helper()
	result := p.invoke(t, event)
	if result.ErrorType != "" {
		t.Fatalf("the invocation failed: %s; the log:\n%s", result.Payload, p.host.Output())
	}
	return p.readPage(t, result.Payload)
}

// readPage takes a page apart. Whoever is on it must not be in the log.
func (p *stage) readPage(t *testing.T, body []byte) page {
	t.Helper()
	var got page
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("it is not a page: %v\n%s", err, body)
	}
	for _, u := range got.Value {
		for _, personal := range []string{u.UserPrincipalName, u.DisplayName, u.Mail} {
			if personal != "" {
				p.canaries[personal] = true
			}
		}
	}
	if token := skipToken(t, got.NextLink); token != "" {
		p.canaries[token] = true
	}
	return got
}

// skipToken is the page token in a link, "" without a link.
func skipToken(t *testing.T, link string) string {
	t.Helper()
	if link == "" {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatalf("the nextLink cannot be parsed: %v", err)
	}
	token := u.Query().Get("$skiptoken")
	if token == "" {
		t.Fatalf("the nextLink %s has no $skiptoken", link)
	}
	return token
}

// wantFailure checks that a direct invocation fails under a name.
func (p *stage) wantFailure(t *testing.T, name string) lambdahost.Result {
	t.Helper()
	result := p.invoke(t, map[string]any{})
	if result.ErrorType != name {
		t.Errorf("it came to %q, %.400s, want the error %s; the log:\n%s", result.ErrorType, result.Payload, name, p.host.Output())
	}
	return result
}
