// Package login is the token service of a simulated tenant: discovery, the client
// credentials grant with its errors, client secrets that come and go, and access
// tokens with their verification. It answers as login.microsoftonline.com does.
// It imports packages fault, guid, jwt, tenant and wire only.
package login

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// Service is the token service of one tenant.
type Service struct {
	// Issuers reaches the issuers of federated credentials.
	Issuers http.RoundTripper
	config  tenant.Config
	faults  *fault.Injector
	key     []byte
	apps    []*App

	mu         sync.Mutex
	challenged int64 // CAE: tokens must answer this challenge or a later one
	identities map[string]kept
}

// New makes a token service.
func New(config tenant.Config, faults *fault.Injector) *Service {
	s := &Service{config: config, faults: faults, key: config.Key(), identities: map[string]kept{}}
	s.apps = s.registrations()
	return s
}

// Secrets are the client secrets of the app that reads.
func (s *Service) Secrets() *Secrets { return s.apps[0].Secrets }

// Trust is what the app that reads is known by besides.
func (s *Service) Trust() *Trust { return s.apps[0].Trust }

// Principal is the object id of the service principal of the app that reads.
func (s *Service) Principal() string { return s.apps[0].Principal }

// Serve answers a request that is not for Graph.
func (s *Service) Serve(x *wire.Exchange) {
	tenant, rest, _ := strings.Cut(strings.Trim(x.R.URL.Path, "/"), "/")
	if !x.Sleep(s.config.TokenLatency) {
		return
	}
	if isIdentity(x.R.URL.Path) {
		x.NoteKind("identity")
		s.identity(x)
		return
	}
	serve, kind := s.notFound, "other"
	switch rest {
	case "v2.0/.well-known/openid-configuration", ".well-known/openid-configuration":
		serve, kind = s.openID, "discovery"
	case "discovery/instance":
		serve, kind = s.instance, "discovery"
	case "discovery/v2.0/keys", "discovery/keys":
		serve, kind = s.keys, "discovery"
	case "oauth2/v2.0/token":
		serve, kind = s.token, "token"
	}
	x.NoteKind(kind)
	serve(x, tenant)
}

func (s *Service) notFound(x *wire.Exchange, _ string) {
	x.W.Header().Set("x-ms-request-id", x.RequestID)
	x.Head(http.StatusNotFound, "text/html; charset=utf-8")
	x.Write([]byte("<html><body><h2>404 - File or directory not found.</h2></body></html>"))
}

// document sends a JSON document of the token service.
func document(x *wire.Exchange, status int, body string) {
	h := x.W.Header()
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", x.RequestID)
	h.Set("x-ms-ests-server", "2.1.19568.4 - NEULR1 ProdSlices")
	if id := x.R.Header.Get("Client-Request-Id"); strings.EqualFold(x.R.Header.Get("Return-Client-Request-Id"), "true") && id != "" {
		h.Set("client-request-id", id)
	}
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	x.Head(status, "application/json; charset=utf-8")
	x.Write([]byte(body))
}

// maxForm bounds a token request.
const maxForm = 1 << 20

// token answers POST /{tenant}/oauth2/v2.0/token for client credentials.
func (s *Service) token(x *wire.Exchange, tenant string) {
	if k, ok := s.faults.Instead(fault.Token, 0, s.faults.Event(fault.Token, 0, "")); ok {
		x.NoteFaults(k.Name)
		s.inject(x, k.Name)
		return
	}
	body, err := io.ReadAll(io.LimitReader(x.R.Body, maxForm))
	form, formErr := url.ParseQuery(string(body))
	if x.R.Method != http.MethodPost || err != nil || formErr != nil {
		s.fail(x, refuse(900561, x.R.Method))
		return
	}
	if id, secret, ok := x.R.BasicAuth(); ok {
		form.Set("client_id", unescape(id))
		form.Set("client_secret", unescape(secret))
	}
	app, audience, refusal := s.check(x, tenant, form)
	if refusal != nil {
		s.fail(x, refusal)
		return
	}
	token, lifetime := s.grant(app, audience, form.Get("claims"))
	text, err := s.mint(token, x.Serial())
	if err != nil {
		s.fail(x, refuse(90033))
		return
	}
	seconds := strconv.Itoa(lifetime)
	answer := `{"token_type":"Bearer","expires_in":` + seconds + `,"ext_expires_in":` + seconds
	if lifetime > 7200 {
		answer += `,"refresh_in":` + strconv.Itoa(lifetime/2)
	}
	document(x, http.StatusOK, answer+`,"access_token":"`+text+`"}`)
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// inject lets a fault answer in the place of the token service.
func (s *Service) inject(x *wire.Exchange, name string) {
	switch name {
	case "token-html":
		x.Head(http.StatusOK, "text/html; charset=utf-8")
		x.Write([]byte("<html><body><h2>Sign in</h2></body></html>"))
	case "token-malformed":
		document(x, http.StatusOK, "{}")
	case "token-429":
		s.fail(x, refuse(90055))
	case "token-500":
		s.fail(x, refuse(90033))
	case "token-expired-secret":
		s.fail(x, refuse(7000222, s.config.ClientID))
	default:
		s.fail(x, refuse(7000215, s.config.ClientID))
	}
}

// grant decides what the token says and how long it lives, in seconds.
func (s *Service) grant(app *App, audience, claims string) (accessToken, int) {
	now := time.Now().Unix()
	lifetime := int(s.config.TokenLifetime / time.Second)
	token := accessToken{
		Audience: audience, Roles: app.Roles, IssuedAt: now - 300, NotBefore: now - 300,
		DisplayName: "rollcall", AppID: app.ClientID, AppIDACR: "1", ObjectID: app.Principal,
	}
	var asked struct {
		AccessToken struct {
			Capabilities struct {
				Values []string `json:"values"`
			} `json:"xms_cc"`
			NotBefore struct {
				Value string `json:"value"`
			} `json:"nbf"`
		} `json:"access_token"`
	}
	if json.Unmarshal([]byte(claims), &asked) == nil {
		for _, capability := range asked.AccessToken.Capabilities.Values {
			// The documentation writes cp1, Microsoft's libraries send CP1.
			token.Capabilities = append(token.Capabilities, strings.ToLower(capability))
		}
		if n, err := strconv.ParseInt(asked.AccessToken.NotBefore.Value, 10, 64); err == nil {
			token.Answered = n
		}
	}
	if slices.Contains(token.Capabilities, "cp1") {
		lifetime = max(lifetime, 24*3600)
	}
	token.Expires = now + int64(lifetime)
	return token, lifetime
}
