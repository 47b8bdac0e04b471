package azure_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

// signedIn are the headers that App Service sets of a caller with claims.
func signedIn(id, claims string) http.Header {
	h := http.Header{"X-Ms-Client-Principal-Id": {id}, "X-Ms-Client-Principal-Name": {"kim@contoso.com"}, "X-Ms-Client-Principal-Idp": {"aad"}, "X-Ms-Token-Aad-Access-Token": {"t0k3n"}}
	if claims != "" {
		h.Set("X-Ms-Client-Principal", base64.StdEncoding.EncodeToString([]byte(`{"auth_typ":"aad","name_typ":"n","role_typ":"http://schemas/role","claims":`+claims+`}`)))
	}
	return h
}

func TestWhoCountsAsAVerifiedCaller(t *testing.T) {
	const id = "5d7c0de5-1a57-4ace-8c0b-0123456789ab"
	role := signedIn(id, `[{"typ":"x","val":"Users.Read"},{"typ":"roles","val":"Users.Read"}]`)
	for name, c := range map[string]struct {
		functions folder
		settings  azure.Settings
		roles     []string
		headers   http.Header
		anyone    bool
		want      string // the caller's name, "-" for one without, "" for 401
	}{
		"a key, which the host has checked":       {functions: both, want: "-"},
		"the admin's key":                         {functions: folder{"users/function.json": `{"bindings":[{"type":"httptrigger","authLevel":"ADMIN"}]}`, "users_v1/function.json": keyed}, want: "-"},
		"a function that asks for no key":         {functions: folder{"users/function.json": anonymous, "users_v1/function.json": anonymous}},
		"one of two that asks for no key":         {functions: folder{"users/function.json": keyed, "users_v1/function.json": anonymous}},
		"a function that does not say":            {functions: folder{"users/function.json": `{"bindings":[{"type":"httpTrigger"}]}`, "users_v1/function.json": keyed}},
		"a function without an HTTP trigger":      {functions: folder{"users/function.json": queued, "users_v1/function.json": keyed}},
		"somebody whom App Service has signed in": {functions: folder{"users/function.json": anonymous, "users_v1/function.json": anonymous}, settings: azure.Settings{SignIn: true}, headers: signedIn(id, ""), want: id},
		"one who says that App Service has":       {functions: folder{"users/function.json": anonymous, "users_v1/function.json": anonymous}, headers: role},
		"nobody, where App Service lets them in":  {functions: folder{"users/function.json": anonymous, "users_v1/function.json": anonymous}, settings: azure.Settings{SignIn: true}},
		"a name that is a person's":               {functions: both, settings: azure.Settings{SignIn: true}, headers: signedIn("kim@contoso.com", ""), want: "-"},
		"two names":                               {functions: both, settings: azure.Settings{SignIn: true}, headers: http.Header{"X-Ms-Client-Principal-Id": {id, "other"}}},
		"claims without a name":                   {functions: both, settings: azure.Settings{SignIn: true}, headers: http.Header{"X-Ms-Client-Principal": role["X-Ms-Client-Principal"]}},
		"anybody, where that is allowed":          {functions: folder{"users/function.json": anonymous, "users_v1/function.json": anonymous}, anyone: true, want: "-"},
		"the role that is asked for":              {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"a", "Users.Read"}, headers: role, want: id},
		"the role under the name of its type":     {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"Users.Read"}, headers: signedIn(id, `[{"typ":"http://schemas/role","val":"Users.Read"}]`), want: id},
		"another role":                            {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"Users"}, headers: role},
		"a role as another claim":                 {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"Users.Read"}, headers: signedIn(id, `[{"typ":"x","val":"Users.Read"},{"typ":"","val":"Users.Read"}]`)},
		"no claims where a role is asked for":     {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"Users.Read"}, headers: signedIn(id, "")},
		"claims that are none":                    {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"Users.Read"}, headers: signedIn(id, `"Users.Read"`)},
		"a key where tokens need a role":          {functions: both, settings: azure.Settings{SignIn: true}, roles: []string{"Users.Read"}, want: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			files := folder{}
			for path, text := range c.functions {
				files[path] = text
			}
			a := open(t, c.settings, files, func(log *slog.Logger) map[string]azure.Function {
				f := &azure.HTTP{Handler: http.HandlerFunc(echo), Output: "res", Roles: c.roles, AllowAnonymous: c.anyone, Log: log}
				return map[string]azure.Function{"users": f, "users_v1": f}
			})
			check := func(mode string, status int, body string) {
				t.Helper()
				if c.want == "" {
					if status != http.StatusUnauthorized {
						t.Errorf("%s: %d %s", mode, status, body)
					}
					return
				}
				s := seenIn(t, body)
				if name := s.Headers["X-Forwarded-User"]; status != http.StatusOK || name != c.want && (c.want != "-" || name != "") {
					t.Errorf("%s: %d, the caller is %q", mode, status, name)
				}
				for header := range s.Headers {
					if len(header) > 5 && header[:5] == "X-Ms-" {
						t.Errorf("%s: the handler sees %s", mode, header)
					}
				}
			}
			w := a.forward(t, "GET", "/api/users", c.headers.Clone())
			check("as it came", w.Code, w.Body.String())
			// Each function of its own in an envelope.
			if _, two := c.functions["users_v1/function.json"]; two && c.functions["users/function.json"] == c.functions["users_v1/function.json"] {
				got := a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://a.example/api/users", "Method": "GET", "Headers": c.headers}, nil)).response(t)
				status := map[string]int{"200": http.StatusOK, "401": http.StatusUnauthorized}[got.StatusCode]
				check("in an envelope", status, got.Body)
			}
		})
	}
}
