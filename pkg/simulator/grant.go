package simulator

import (
	"net/url"
	"strings"
	"time"
)

// checkGrant checks a token request in the order in which the service does, and
// returns the resource that the token is for.
func (t *Tenant) checkGrant(tenant string, form url.Values, host string) (audience string, refusal *tokenRefusal) {
	switch grant := form.Get("grant_type"); {
	case grant == "":
		return "", missing("grant_type")
	case grant != "client_credentials":
		return "", &tokenRefusal{
			status: 400, reason: "unsupported_grant_type", number: 70003,
			text: "The app requested an unsupported grant type '" + grant + "'.",
		}
	case form.Get("client_id") == "":
		return "", missing("client_id")
	}
	switch strings.ToLower(tenant) {
	case "common", "consumers", "organizations":
		return "", &tokenRefusal{
			status: 400, reason: "invalid_request", number: 9001023,
			text: "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
		}
	}
	if refusal := t.knows(tenant); refusal != nil {
		return "", refusal
	}
	if refusal := t.checkApp(form.Get("client_id")); refusal != nil {
		return "", refusal
	}
	audience, refusal = t.checkScope(form, host)
	if refusal != nil {
		return "", refusal
	}
	return audience, t.checkSecret(form)
}

func missing(parameter string) *tokenRefusal {
	return &tokenRefusal{
		status: 400, reason: "invalid_request", number: 900144,
		text: "The request body must contain the following parameter: '" + parameter + "'.",
	}
}

func (t *Tenant) checkApp(client string) *tokenRefusal {
	if strings.EqualFold(client, t.config.ClientID) {
		return nil
	}
	if _, ok := parseGUID(client); !ok {
		return &tokenRefusal{
			status: 400, reason: "unauthorized_client", number: 700038,
			text: client + " is not a valid application identifier.",
		}
	}
	return &tokenRefusal{
		status: 400, reason: "unauthorized_client", number: 700016,
		text: "Application with identifier '" + client + "' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
	}
}

// checkScope wants one resource's /.default. OpenID Connect's own scopes may
// stand beside it: MSAL always sends them.
func (t *Tenant) checkScope(form url.Values, host string) (audience string, refusal *tokenRefusal) {
	if !form.Has("scope") {
		return "", missing("scope")
	}
	var resources []string
	for _, scope := range strings.Fields(form.Get("scope")) {
		switch scope {
		case "openid", "profile", "offline_access", "email":
			continue
		}
		resource, ok := strings.CutSuffix(scope, "/.default")
		if !ok {
			return "", &tokenRefusal{
				status: 400, reason: "invalid_scope", number: 1002012,
				text: "The provided value for scope " + form.Get("scope") + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
			}
		}
		resources = append(resources, resource)
	}
	if len(resources) != 1 || resources[0] == "" {
		return "", &tokenRefusal{
			status: 400, reason: "invalid_scope", number: 70011,
			text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope " + form.Get("scope") + " is not valid.",
		}
	}
	switch resource := strings.TrimSuffix(resources[0], "/"); resource {
	case "https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", "https://" + host,
		"https://management.azure.com", "https://vault.azure.net":
		return resource, nil
	default:
		return "", &tokenRefusal{
			status: 400, reason: "invalid_resource", number: 500011,
			text: "The resource principal named " + resource + " was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
		}
	}
}

func (t *Tenant) checkSecret(form url.Values) *tokenRefusal {
	if form.Get("client_assertion") != "" {
		return &tokenRefusal{
			status: 401, reason: "invalid_client", number: 700027,
			text: "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]",
		}
	}
	if form.Get("client_secret") == "" {
		return &tokenRefusal{
			status: 401, reason: "invalid_client", number: 7000218,
			text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
		}
	}
	switch t.secrets.judge(form.Get("client_secret"), time.Now()) {
	case secretRight:
		return nil
	case secretExpired:
		return t.expiredSecret()
	default:
		return t.wrongSecret()
	}
}
