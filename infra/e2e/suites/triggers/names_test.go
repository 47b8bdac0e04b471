package triggers_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
)

// oddNames asks for users by names with characters that mean something in a URL, in OData
// or in JSON, as a segment of the path and in parentheses.
func (c *client) oddNames() {
	for i, name := range []string{
		"o'neil.canary@contoso.example", "a''canary'@contoso.example", "a^canary!c~d`e@contoso.example", "a+canary@contoso.example", "100%canary@contoso.example",
		"%41%2fcanary@contoso.example", "a&canary=c@contoso.example", "a canary@contoso.example", "zoë.canary.日本@contoso.example", "$canary@contoso.example",
		"a#canary?c@contoso.example", "canary_b.example#EXT#@contoso.example", "a;b,canary:d(e)*@contoso.example", "{canary}|<b>@contoso.example",
	} {
		if err := c.endpoint.Tenant.Rename(i, name); err != nil {
			c.Fatal(err)
		}
		paths := []string{"/users('" + url.PathEscape(strings.ReplaceAll(name, "'", "''")) + "')", "/v1.0/Users(%27" + url.QueryEscape(strings.ReplaceAll(name, "'", "''")) + "%27)/"}
		paths[1] = strings.ReplaceAll(paths[1], "+", "%20")
		if !strings.HasPrefix(name, "$") {
			paths = append(paths, "/users/"+url.PathEscape(name), "/USERS/"+everyByte(name)+"/")
		}
		for _, path := range paths {
			r := c.get(path, "application/json")
			c.want(r, http.StatusOK, "")
			var got user
			if err := json.Unmarshal([]byte(r.body), &got); err != nil || got.ID != c.endpoint.Tenant.ID(i) || got.UserPrincipalName != name {
				c.Errorf("%s returned %s (%v)", path, r.body, err)
			}
			c.see(map[string]bool{}, got)
		}
	}
}

// everyByte escapes all of a text.
func everyByte(text string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(text) {
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// ids: the answer, an error's envelope and the log's line have the same ids.
func (c *client) ids() {
	for path, status := range map[string]int{
		"/users/?$top=1": 200, "/users/$count": 200, "/users?$format=csv&$select=id": 200, "/users/00000000-0000-4000-8000-000000000001": 404, "/groups": 404, "/users?$top=x": 400,
	} {
		theirs := uuid.NewString()
		r := c.do(path, http.Header{"Authorization": {"Bearer " + endpoint.Token}, "Client-Request-Id": {theirs}})
		own := r.header.Get("request-id")
		if r.status != status || uuid.Validate(own) != nil || r.header.Get("client-request-id") != theirs {
			c.Errorf("%s: %d %v", path, r.status, r.header)
		}
		if status >= 400 && (!strings.Contains(r.body, `"request-id":"`+own+`"`) || !strings.Contains(r.body, `"client-request-id":"`+theirs+`"`)) {
			c.Errorf("%s: %s", path, r.body)
		}
		logged := func() bool {
			log := c.endpoint.Host.Output()
			return strings.Contains(log, `"requestId":"`+own+`"`) && strings.Contains(log, `"clientRequestId":"`+theirs+`"`)
		}
		// A line is written when its request has been answered.
		for until := time.Now().Add(10 * time.Second); !logged() && time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		}
		if !logged() {
			c.Errorf("%s: the log lacks %s or %s", path, own, theirs)
		}
	}
}

// otherMethods: what only reads refuses the rest, and says what to do.
func (c *client) otherMethods() {
	for _, ask := range []struct {
		method, path string
		status       int
		says         string
	}{
		{http.MethodPost, "/$batch", 501, "by itself"},
		{http.MethodPost, "/v1.0/$batch", 501, "by itself"},
		{http.MethodPost, "/users", 405, "only be read"},
		{http.MethodDelete, "/users/00000000-0000-4000-8000-000000000001", 405, "only be read"},
		{http.MethodOptions, "/users", 204, ""},
		{http.MethodHead, "/users?$top=1", 200, ""},
		{http.MethodHead, "/users/00000000-0000-4000-8000-000000000001", 404, ""},
	} {
		r := c.send(ask.method, ask.path, http.Header{"Authorization": {"Bearer " + endpoint.Token}})
		if r.status != ask.status || !strings.Contains(r.body, ask.says) || ask.says == "" && r.body != "" || r.header.Get("request-id") == "" ||
			(r.header.Get("Allow") == "GET, HEAD, OPTIONS") != (ask.status == 405 || ask.status == 204) {
			c.Errorf("%s %s: %d %v %s", ask.method, ask.path, r.status, r.header, r.body)
		}
	}
}

// healthCheck: only a load balancer's is answered without a verified caller.
func (c *client) healthCheck(kind gateway.Kind) {
	for _, path := range []string{"/", "/health", "/users"} {
		r := c.do(path, http.Header{"User-Agent": {"ELB-HealthChecker/2.0"}})
		if kind.VerifiesNobody && (r.status != http.StatusOK || r.body != "") || !kind.VerifiesNobody && r.status != http.StatusUnauthorized {
			c.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if n := len(c.endpoint.Tenant.Requests()); n != 0 {
		c.Errorf("%d requests went to the tenant", n)
	}
}
