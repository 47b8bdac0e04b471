package login

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// openIDDocument is the discovery document; {base} is the address by which the
// client came, {host} its host, {login} the tenant's part of it.
const openIDDocument = `{"token_endpoint":"{login}/oauth2/v2.0/token",` +
	`"token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic","self_signed_tls_client_auth"],` +
	`"jwks_uri":"{login}/discovery/v2.0/keys","response_modes_supported":["query","fragment","form_post"],` +
	`"subject_types_supported":["pairwise"],"id_token_signing_alg_values_supported":["RS256"],` +
	`"response_types_supported":["code","id_token","code id_token","id_token token"],"scopes_supported":["openid","profile","email","offline_access"],` +
	`"issuer":"{base}/{tenant}/v2.0","request_uri_parameter_supported":false,"userinfo_endpoint":"{base}/oidc/userinfo",` +
	`"authorization_endpoint":"{login}/oauth2/v2.0/authorize","device_authorization_endpoint":"{login}/oauth2/v2.0/devicecode",` +
	`"http_logout_supported":true,"frontchannel_logout_supported":true,"end_session_endpoint":"{login}/oauth2/v2.0/logout",` +
	`"claims_supported":["sub","iss","cloud_instance_name","cloud_instance_host_name","cloud_graph_host_name","msgraph_host","aud","exp","iat","auth_time","acr","nonce","preferred_username","name","tid","ver","at_hash","c_hash","email"],` +
	`"kerberos_endpoint":"{login}/kerberos","mtls_endpoint_aliases":{"token_endpoint":"https://mtlsauth.microsoft.com/{tenant}/oauth2/v2.0/token"},` +
	`"tls_client_certificate_bound_access_tokens":true,"tenant_region_scope":"EU","cloud_instance_name":"{host}",` +
	`"cloud_graph_host_name":"graph.windows.net","msgraph_host":"{host}","rbac_url":"https://pas.windows.net"}`

// openID sends the discovery document, whose token endpoint MSAL takes.
func (s *Service) openID(x *wire.Exchange, tenant string) {
	id, segment := s.config.Tenant, s.config.Tenant
	if strings.EqualFold(tenant, "common") || strings.EqualFold(tenant, "organizations") {
		id, segment = "{tenantid}", tenant
	} else if r := s.checkTenant(tenant); r != nil {
		if r.number == 90002 {
			r.reason = "invalid_tenant"
		}
		s.fail(x, r)
		return
	}
	document(x, http.StatusOK, strings.NewReplacer(
		"{login}", x.Base()+"/"+segment, "{base}", x.Base(), "{tenant}", id, "{host}", x.R.Host).Replace(openIDDocument))
}

// instance answers instance discovery for its own host, and for the other names that it
// has.
func (s *Service) instance(x *wire.Exchange, _ string) {
	authority, err := url.Parse(x.R.URL.Query().Get("authorization_endpoint"))
	if err != nil || authority.Scheme != "https" || authority.Host != x.R.Host && !s.config.Named(authority.Host) {
		s.fail(x, refuse(50049))
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(authority.Path, "/"), "/")
	host := wire.Quote(authority.Host)
	document(x, http.StatusOK, `{"tenant_discovery_endpoint":`+wire.Quote("https://"+authority.Host+"/"+tenant+"/v2.0/.well-known/openid-configuration")+
		`,"api-version":"1.1","metadata":[{"preferred_network":`+host+`,"preferred_cache":`+host+`,"aliases":[`+host+`]}]}`)
}

// keys sends the public half of a key that signs nothing: the document has the
// real one's shape, and Graph's tokens are verified by Graph alone.
func (s *Service) keys(x *wire.Exchange, _ string) {
	var n []byte
	for i := range byte(8) {
		sum := sha256.Sum256(append([]byte{i}, s.key...))
		n = append(n, sum[:]...)
	}
	n[0] |= 0x80
	n[len(n)-1] |= 1
	document(x, http.StatusOK, `{"keys":[{"kty":"RSA","use":"sig","kid":"`+keyID+`","x5t":"`+keyID+`","n":"`+base64.RawURLEncoding.EncodeToString(n)+
		`","e":"AQAB","issuer":"`+x.Base()+`/`+s.config.Tenant+`/v2.0"}]}`)
}
