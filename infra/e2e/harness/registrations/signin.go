package registrations

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// tokenHeader begins every token that is given out, and is taken.
const tokenHeader = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0" // {"alg":"none","typ":"JWT"}

// signIn adds what is below the login host, and what describes the cloud.
func (t *Tenant) signIn(mux *http.ServeMux) {
	mux.HandleFunc("GET /metadata/endpoints", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, Object{
			"name": "loopback", "resourceManager": t.URL() + "/", "microsoftGraphResourceId": t.URL(),
			"authentication": Object{"loginEndpoint": t.URL() + "/", "tenant": "common", "identityProvider": "AAD", "audiences": []any{t.URL() + "/"}},
		})
	})
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		root := t.URL() + "/" + r.PathValue("tenant")
		answer(w, http.StatusOK, Object{
			"issuer": root + "/v2.0", "authorization_endpoint": root + "/oauth2/v2.0/authorize", "token_endpoint": root + "/oauth2/v2.0/token",
		})
	})
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_id") != deployer || r.PostFormValue("client_secret") != Password {
			answer(w, http.StatusUnauthorized, Object{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
			return
		}
		answer(w, http.StatusOK, Object{"token_type": "Bearer", "expires_in": 3600, "access_token": token()})
	})
	// Azure Resource Manager: no subscription is needed to register apps.
	mux.HandleFunc("GET /subscriptions", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, Object{"value": []any{}})
	})
}

// token is one of the deployer, which nobody signed.
func token() string {
	now := time.Now().Unix()
	claims, _ := json.Marshal(Object{ // of texts and numbers
		"iat": now, "nbf": now, "exp": now + 3600, "tid": TenantID, "oid": deployerID, "appid": deployer, "idtyp": "app",
		"roles": []string{"Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All", "Application.Read.All"},
	})
	return tokenHeader + "." + base64.RawURLEncoding.EncodeToString(claims) + ".unsigned"
}

// Deployer is who is signed in: a client ID and [Password].
func Deployer() string { return deployer }
