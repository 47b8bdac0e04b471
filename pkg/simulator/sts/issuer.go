package sts

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/jwt"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

const issuerDomain = ".tokens.sts.global.api.aws"

// Issuer is the address of the account's issuer, as its tokens name it.
func (a *Account) Issuer() string { return a.issuer }

// IsIssuer reports whether a host is that of an account's issuer.
func IsIssuer(host string) bool { return strings.HasSuffix(host, issuerDomain) }

// ServeIssuer answers a request for a document of the issuer.
func (a *Account) ServeIssuer(x *wire.Exchange) {
	x.NoteKind("issuer")
	var document any
	switch path := x.R.URL.Path; {
	case "https://"+x.R.Host != a.issuer:
	case path == "/.well-known/openid-configuration":
		document = map[string]any{
			"issuer": a.issuer, "jwks_uri": a.issuer + "/.well-known/jwks.json", "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "ES384"},
		}
	case path == "/.well-known/jwks.json":
		document = jwt.KeySet{Keys: []jwt.Key{jwt.KeyOf("ES384-1", a.curve().Public()), jwt.KeyOf("RS256-1", a.rsa().Public())}}
	}
	text, err := json.Marshal(document)
	if document == nil || err != nil {
		x.Head(http.StatusNotFound, "text/plain")
		return
	}
	x.Head(http.StatusOK, "application/json")
	x.Write(text)
}
