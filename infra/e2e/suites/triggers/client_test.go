package triggers_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
)

// population is more than two of Graph's largest pages.
const population = 2345

// client is a caller of an endpoint within a test.
type client struct {
	*testing.T
	endpoint *endpoint.Endpoint
	personal map[string]bool // what was on the wire and must not be in the log
}

// start starts an endpoint; at the end of the test its log is searched.
func start(t *testing.T, cfg endpoint.Config) *client {
	t.Helper()
	c := &client{T: t, endpoint: harness.Start(t, cfg.Start), personal: map[string]bool{}}
	t.Cleanup(func() {
		c.endpoint.Close()
		log := c.endpoint.Host.Output()
		if len(c.personal) == 0 {
			return
		}
		if leaks := c.endpoint.Leaks(slices.Collect(maps.Keys(c.personal))...); len(leaks) > 0 {
			t.Errorf("the log contains %q:\n%s", leaks, log)
		}
		if !strings.Contains(log, `"status":200`) {
			t.Errorf("the log has no request:\n%s", log)
		}
	})
	return c
}

// in is the same client within a subtest.
func (c *client) in(t *testing.T) *client { return &client{t, c.endpoint, c.personal} }

// response is one that was read to its end.
type response struct {
	status int
	header http.Header
	body   string
}

// get sends a request as a verified caller, for a media type unless that is "".
func (c *client) get(address, accept string) response {
	c.Helper()
	return c.do(address, http.Header{"Authorization": {"Bearer " + endpoint.Token}, "Accept": {accept}})
}

// do sends a request and reads the response to its end.
func (c *client) do(address string, header http.Header) response {
	c.Helper()
	return c.send(http.MethodGet, address, header)
}

func (c *client) send(method, address string, header http.Header) response {
	c.Helper()
	r, err := c.endpoint.Send(c.Context(), method, address, header)
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.Fatalf("the response breaks off after %d bytes: %v", len(body), err)
	}
	return response{r.StatusCode, r.Header, string(body)}
}

// want checks a status and, of an error, its code.
func (c *client) want(r response, status int, code string) {
	c.Helper()
	var envelope struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	if code != "" && json.Unmarshal([]byte(r.body), &envelope) != nil {
		c.Fatalf("it answered %d without an error envelope: %.400s %s", r.status, r.body, r.header.Get("X-Gateway-Reason"))
	}
	if r.status != status || envelope.Error.Code != code {
		c.Fatalf("it answered %d, %.400s %s; want %d %s", r.status, r.body, r.header.Get("X-Gateway-Reason"), status, code)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		c.Errorf("Cache-Control is %q", got)
	}
}

type user struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
	UserType          string `json:"userType"`
}

// see records a user, who must be new and must not be in the log.
func (c *client) see(seen map[string]bool, u user) {
	c.Helper()
	if seen[u.ID] {
		c.Errorf("user %s came twice", u.ID)
	}
	seen[u.ID] = true
	for _, text := range []string{u.UserPrincipalName, u.DisplayName} {
		if len(text) > 5 {
			c.personal[text] = true
		}
	}
}

// keepSecret records the page token of a link, which must not be in the log.
func (c *client) keepSecret(link string) {
	c.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("$skiptoken") == "" {
		c.Fatalf("there is no page token in the link %s (%v)", link, err)
	}
	token := u.Query().Get("$skiptoken")
	c.personal[token], c.personal[url.QueryEscape(token)] = true, true
}
