package credential

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// principal is whom an access token says that it is for. It comes from the host that
// issued the token, over no wire that others share, and decides about nothing that Graph
// does not check itself; so the signature, whose key is Graph's, is not verified.
type principal struct {
	// tenant, client and object are the GUIDs of the claims tid, appid and oid in lower
	// case, "" where there is none.
	tenant, client, object string
	// roles are the application permissions in the claim roles, nil if the token cannot be read.
	roles []string
}

var errOddClaim = errors.New("a claim is not what Entra ID makes it")

// maxRoles is how many roles of a token are looked at, maxRole how long one may be.
const maxRoles, maxRole = 500, 250

// principalOf reads the claims of a token: a JSON Web Token (RFC 7519), which Microsoft
// does not promise. Of another token nothing is known, nor of one whose claims come twice
// or are not of the kind that Entra ID gives them.
func principalOf(token string) principal {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return principal{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return principal{}
	}
	p, seen := principal{roles: []string{}}, map[string]bool{}
	err = secret.Object(payload, func(name string, value jsontext.Value) error {
		ok := true
		switch name {
		case "tid":
			p.tenant, ok = guidIn(value)
		case "appid":
			p.client, ok = guidIn(value)
		case "oid":
			p.object, ok = guidIn(value)
		case "roles":
			p.roles, ok = rolesIn(value)
		}
		if !ok || seen[name] {
			return errOddClaim
		}
		seen[name] = true
		return nil
	})
	if err != nil {
		return principal{}
	}
	return p
}

func guidIn(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, value)
	return strings.ToLower(string(text)), err == nil && guid.Valid(string(text))
}

// rolesIn returns the texts of an array, if they are plain.
func rolesIn(value jsontext.Value) ([]string, bool) {
	roles := []string{}
	if value.Kind() != '[' {
		return nil, false
	}
	d := jsontext.NewDecoder(strings.NewReader(string(value)))
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		role := token.String()
		if err != nil || len(roles) == maxRoles || role == "" || len(role) > maxRole || !isToken(role) {
			return nil, false
		}
		roles = append(roles, role)
	}
	return roles, d.PeekKind() == ']'
}
