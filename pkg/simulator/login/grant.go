package login

import (
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// check checks a token request in the order in which the service does, and
// returns the app and the resource that the token is for.
func (s *Service) check(x *wire.Exchange, tenant string, form url.Values) (app *App, audience string, r *refusal) {
	switch grant := form.Get("grant_type"); {
	case grant == "":
		return nil, "", refuse(900144, "grant_type")
	case grant != "client_credentials":
		return nil, "", refuse(70003, grant)
	case form.Get("client_id") == "":
		return nil, "", refuse(900144, "client_id")
	}
	switch strings.ToLower(tenant) {
	case "common", "consumers", "organizations":
		return nil, "", refuse(9001023)
	}
	if r := s.checkTenant(tenant); r != nil {
		return nil, "", r
	}
	if app, r = s.checkApp(form.Get("client_id")); r != nil {
		return nil, "", r
	}
	if audience, r = s.checkScope(form, x.R.Host); r != nil {
		return nil, "", r
	}
	if form.Get("client_assertion") != "" {
		return app, audience, s.checkAssertion(x, app.Trust, form.Get("client_id"), form)
	}
	return app, audience, app.checkSecret(form)
}

func (s *Service) checkApp(client string) (*App, *refusal) {
	if app, ok := s.App(client); ok {
		return app, nil
	}
	if _, ok := guid.Parse(client); !ok {
		return nil, refuse(700038, client)
	}
	return nil, refuse(700016, client)
}

// checkScope expects one resource's /.default. OpenID Connect's own scopes may
// stand beside it: MSAL always sends them.
func (s *Service) checkScope(form url.Values, host string) (audience string, r *refusal) {
	if !form.Has("scope") {
		return "", refuse(900144, "scope")
	}
	var resources []string
	for scope := range strings.FieldsSeq(form.Get("scope")) {
		switch scope {
		case "openid", "profile", "offline_access", "email":
			continue
		}
		resource, ok := strings.CutSuffix(scope, "/.default")
		if !ok {
			return "", refuse(1002012, form.Get("scope"))
		}
		resources = append(resources, resource)
	}
	if len(resources) != 1 || resources[0] == "" {
		return "", refuse(70011, form.Get("scope"))
	}
	resource := strings.TrimSuffix(resources[0], "/")
	if s.isGraph(resource, host) || resource == "https://management.azure.com" || resource == "https://vault.azure.net" {
		return resource, nil
	}
	return "", refuse(500011, resource)
}

// isGraph says whether a token for the resource opens Graph on the host.
func (s *Service) isGraph(resource, host string) bool {
	switch resource {
	case "https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", "https://" + host:
		return true
	}
	name, ok := strings.CutPrefix(resource, "https://")
	return ok && s.config.Named(name)
}

func (a *App) checkSecret(form url.Values) *refusal {
	if form.Get("client_secret") == "" {
		return refuse(7000218)
	}
	if code := a.Secrets.judge(form.Get("client_secret")); code != 0 {
		return refuse(code, a.ClientID)
	}
	return nil
}
