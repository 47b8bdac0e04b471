package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// login routes what is not Graph's: the token service.
func (x *exchange) login() {
	t := x.tenant
	path := strings.Trim(x.r.URL.Path, "/")
	tenant, rest, _ := strings.Cut(path, "/")
	if !x.sleep(t.config.TokenLatency) {
		return
	}
	switch rest {
	case "v2.0/.well-known/openid-configuration", ".well-known/openid-configuration":
		x.kind("discovery")
		x.openID(tenant)
	case "discovery/instance":
		x.kind("discovery")
		x.instance()
	case "discovery/v2.0/keys", "discovery/keys":
		x.kind("discovery")
		x.document(http.StatusOK, []byte(`{"keys":[{"kty":"RSA","use":"sig","kid":"`+keyID+`","x5t":"`+keyID+`","n":"`+t.modulus()+`","e":"AQAB","issuer":"`+x.base()+`/`+t.config.Tenant+`/v2.0"}]}`))
	case "oauth2/v2.0/token":
		x.kind("token")
		x.buyToken(tenant)
	default:
		x.w.Header().Set("x-ms-request-id", x.requestID)
		x.head(http.StatusNotFound, "text/html; charset=utf-8")
		x.write([]byte("<html><body><h2>404 - File or directory not found.</h2></body></html>"))
	}
}

// base is the address by which the client came.
func (x *exchange) base() string { return "https://" + x.r.Host }

// modulus is the public half of a key that signs nothing: the key document has
// its shape, and Graph's tokens are checked by Graph alone.
func (t *Tenant) modulus() string {
	var n []byte
	for i := range byte(8) {
		sum := sha256.Sum256(append([]byte{i}, t.key...))
		n = append(n, sum[:]...)
	}
	n[0] |= 0x80
	n[len(n)-1] |= 1
	return base64.RawURLEncoding.EncodeToString(n)
}

// document sends a JSON document of the token service.
func (x *exchange) document(status int, body []byte) {
	h := x.w.Header()
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", x.requestID)
	h.Set("x-ms-ests-server", "2.1.19568.4 - NEULR1 ProdSlices")
	if id := x.r.Header.Get("Client-Request-Id"); strings.EqualFold(x.r.Header.Get("Return-Client-Request-Id"), "true") && id != "" {
		h.Set("client-request-id", id)
	}
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	x.head(status, "application/json; charset=utf-8")
	x.write(body)
}

// openID sends the discovery document, whose token endpoint MSAL takes.
func (x *exchange) openID(tenant string) {
	t := x.tenant
	if refusal := t.knows(tenant); refusal != nil && !strings.EqualFold(tenant, "common") && !strings.EqualFold(tenant, "organizations") {
		if refusal.number == 90002 {
			refusal.reason = "invalid_tenant"
		}
		x.tokenError(refusal)
		return
	}
	id := t.config.Tenant
	if strings.EqualFold(tenant, "common") || strings.EqualFold(tenant, "organizations") {
		id = "{tenantid}"
	}
	login, host := x.base()+"/"+tenant, x.r.Host
	if id == t.config.Tenant {
		login = x.base() + "/" + id
	}
	x.document(http.StatusOK, []byte(`{"token_endpoint":"`+login+`/oauth2/v2.0/token",`+
		`"token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic","self_signed_tls_client_auth"],`+
		`"jwks_uri":"`+login+`/discovery/v2.0/keys","response_modes_supported":["query","fragment","form_post"],`+
		`"subject_types_supported":["pairwise"],"id_token_signing_alg_values_supported":["RS256"],`+
		`"response_types_supported":["code","id_token","code id_token","id_token token"],"scopes_supported":["openid","profile","email","offline_access"],`+
		`"issuer":"`+x.base()+`/`+id+`/v2.0","request_uri_parameter_supported":false,"userinfo_endpoint":"`+x.base()+`/oidc/userinfo",`+
		`"authorization_endpoint":"`+login+`/oauth2/v2.0/authorize","device_authorization_endpoint":"`+login+`/oauth2/v2.0/devicecode",`+
		`"http_logout_supported":true,"frontchannel_logout_supported":true,"end_session_endpoint":"`+login+`/oauth2/v2.0/logout",`+
		`"claims_supported":["sub","iss","cloud_instance_name","cloud_instance_host_name","cloud_graph_host_name","msgraph_host","aud","exp","iat","auth_time","acr","nonce","preferred_username","name","tid","ver","at_hash","c_hash","email"],`+
		`"kerberos_endpoint":"`+login+`/kerberos","mtls_endpoint_aliases":{"token_endpoint":"https://mtlsauth.microsoft.com/`+id+`/oauth2/v2.0/token"},`+
		`"tls_client_certificate_bound_access_tokens":true,"tenant_region_scope":"EU","cloud_instance_name":"`+host+`",`+
		`"cloud_graph_host_name":"graph.windows.net","msgraph_host":"`+host+`","rbac_url":"https://pas.windows.net"}`))
}

// instance answers instance discovery for its own host.
func (x *exchange) instance() {
	endpoint := x.r.URL.Query().Get("authorization_endpoint")
	rest, ok := strings.CutPrefix(endpoint, x.base()+"/")
	if !ok {
		x.tokenError(&tokenRefusal{status: 400, reason: "invalid_instance", number: 50049, text: "Unknown or invalid instance."})
		return
	}
	tenant, _, _ := strings.Cut(rest, "/")
	x.document(http.StatusOK, []byte(`{"tenant_discovery_endpoint":"`+x.base()+`/`+string(quotePlain(tenant))+`/v2.0/.well-known/openid-configuration",`+
		`"api-version":"1.1","metadata":[{"preferred_network":"`+x.r.Host+`","preferred_cache":"`+x.r.Host+`","aliases":["`+x.r.Host+`"]}]}`))
}

// quotePlain is a string's JSON without the quotes.
func quotePlain(s string) []byte {
	b := quote(s)
	return b[1 : len(b)-1]
}
