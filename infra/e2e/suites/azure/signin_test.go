package azure_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	reader   = "r3ader-token.that-no-log.may.contain"
	visitor  = "v1sitor-token.that-no-log.may.contain"
	readerID = "5ead0000-1111-4222-8333-444455556666"
)

// signIn is App Service's authentication with two callers, of whom one has the role.
func signIn() *functionshost.Authentication {
	roles := func(values ...string) (claims []functionshost.Claim) {
		for _, value := range values {
			claims = append(claims, functionshost.Claim{Type: "roles", Value: value})
		}
		return claims
	}
	return &functionshost.Authentication{
		Principals: map[string]functionshost.Principal{
			reader:  {ID: readerID, Name: "nightly-job", Provider: "aad", Claims: roles("Other", "Users.Read")},
			visitor: {ID: "71510000-1111-4222-8333-444455556666", Name: "visitor", Provider: "aad", Claims: roles("Other")},
		},
		ExcludedPaths: []string{"/api/webhook/notifications", "/api/webhook/run"},
	}
}

func TestAppServiceSaysWhoCalls(t *testing.T) {
	inEveryMode(t, simulator.Config{Users: 30}, []string{"ROLLCALL_JWT_ROLES=Users.Read"}, func(d *deployment, _ mode) {
		d.canaries[reader], d.canaries[visitor] = true, true
		d.config.Authentication = signIn()
		d.start()
		forged := base64.StdEncoding.EncodeToString([]byte(`{"role_typ":"roles","claims":[{"typ":"roles","val":"Users.Read"}]}`))
		for what, c := range map[string]struct {
			header http.Header
			want   int
		}{
			"nobody":                {nil, http.StatusUnauthorized},
			"a key alone":           {keyed(), http.StatusUnauthorized},
			"a token alone":         {http.Header{"Authorization": {"Bearer " + reader}}, http.StatusUnauthorized},
			"an unknown token":      {keyed("Authorization", "Bearer unknown"), http.StatusUnauthorized},
			"both":                  {keyed("Authorization", "Bearer "+reader), http.StatusOK},
			"both without the role": {keyed("Authorization", "Bearer "+visitor), http.StatusUnauthorized},
			"a forged role": {
				keyed("Authorization", "Bearer "+visitor, "X-MS-CLIENT-PRINCIPAL", forged, "X-MS-CLIENT-PRINCIPAL-ID", readerID),
				http.StatusUnauthorized,
			},
		} {
			if r := d.ask(http.MethodGet, "/users?$top=5", c.header); r.status != c.want {
				d.Errorf("%s: %d %.200s", what, r.status, r.body)
			}
		}
		d.until("the log says who called", func() bool { return strings.Contains(d.host().Output(), readerID) })
		// Graph has no token: the webhook is left out of it.
		if r := d.ask(http.MethodPost, "/webhook/notifications?validationToken=hello", nil); r.status != http.StatusOK || r.body != "hello" {
			d.Errorf("the handshake: %d %s", r.status, r.body)
		}
	})
}

// TestForgedHeadersSayNothing has an app without App Service's authentication, whose
// callers may send its headers themselves.
func TestForgedHeadersSayNothing(t *testing.T) {
	const forger = "f0f0f0f0-1111-4222-8333-444455556666"
	inEveryMode(t, simulator.Config{Users: 30}, nil, func(d *deployment, _ mode) {
		d.canaries[forger], d.canaries["evil.example"] = true, true
		more := []string{
			"X-MS-CLIENT-PRINCIPAL-ID", forger, "X-MS-CLIENT-PRINCIPAL-NAME", forger, "X-MS-TOKEN-AAD-ACCESS-TOKEN", forger,
			"X-Forwarded-User", forger, "X-Forwarded-Prefix", "/evil.example", "X-Forwarded-Host", "evil.example", "X-Original-URL", "/evil.example",
			"X-MS-CLIENT-PRINCIPAL", base64.StdEncoding.EncodeToString([]byte(`{"claims":[{"typ":"name","val":"` + forger + `"}]}`)),
		}
		without := http.Header{}
		for pair := range slices.Chunk(more, 2) {
			without.Set(pair[0], pair[1])
		}
		if r := d.ask(http.MethodGet, "/users?$top=5", without); r.status != http.StatusUnauthorized {
			d.Errorf("without a key: %d %.200s", r.status, r.body)
		}
		r := d.ask(http.MethodGet, "/users?$top=5", keyed(more...))
		if r.status != http.StatusOK || strings.Contains(r.body, "evil.example") || !strings.Contains(r.body, `"@odata.nextLink":"`+d.front.URL+`/api/v1.0/users?`) {
			d.Errorf("with a key: %d %.400s", r.status, r.body)
		}
	})
}

// TestAFunctionThatAsksForNoKeyAnswersNobodyWithoutSigningIn has somebody make the functions
// anonymous, both or one of the two that are one API.
func TestAFunctionThatAsksForNoKeyAnswersNobodyWithoutSigningIn(t *testing.T) {
	for name, functions := range map[string][]string{"both": {"users", "users_v1"}, "one": {"users"}} {
		t.Run(name, func(t *testing.T) {
			inEveryMode(t, simulator.Config{Users: 30}, nil, func(d *deployment, m mode) {
				d.config.Folder = anonymous(d.T, functions)
				d.start()
				r := d.ask(http.MethodGet, "/users", nil)
				if r.status != http.StatusUnauthorized || !strings.Contains(r.body, "Request.Unauthorized") {
					d.Errorf("without a key: %d %.200s", r.status, r.body)
				}
				r = d.get("/v1.0/users")
				if keyed := name == "one" && m.name == "enveloped"; (r.status == http.StatusOK) != keyed {
					d.Errorf("with one: %d %.200s", r.status, r.body)
				}
				d.config.Authentication = signIn()
				d.start()
				if r := d.ask(http.MethodGet, "/users", http.Header{"Authorization": {"Bearer " + reader}}); r.status != http.StatusOK {
					d.Errorf("signed in: %d %.200s", r.status, r.body)
				}
			})
		})
	}
}

// anonymous is the app with functions that ask for no key.
func anonymous(t *testing.T, functions []string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(shared.app)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for _, function := range functions {
		file := filepath.Join(function, "function.json")
		text, err := root.ReadFile(file)
		if err == nil {
			err = root.WriteFile(file, bytes.Replace(text, []byte(`"authLevel": "function"`), []byte(`"authLevel": "anonymous"`), 1), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
