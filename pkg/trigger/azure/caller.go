package azure

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

const (
	// keyHeader has the key of a function, which the host has checked.
	keyHeader = "X-Functions-Key"

	principalHeader = "X-Ms-Client-Principal"
	idHeader        = "X-Ms-Client-Principal-Id"
)

// principal is what App Service authentication says of the caller in its headers.
type principal struct {
	ID      []string // values of the header
	Encoded []string
}

// takePrincipal takes the headers of App Service authentication out of a request. Among them
// are the caller's tokens, which nobody here needs.
func takePrincipal(h http.Header) principal {
	p := principal{ID: h.Values(idHeader), Encoded: h.Values(principalHeader)}
	for name := range h {
		if strings.HasPrefix(name, principalHeader) || strings.HasPrefix(name, "X-Ms-Token-") {
			h.Del(name)
		}
	}
	return p
}

// caller returns the name of the verified caller: whom App Service has signed in, where
// that is enabled, or somebody with a key, which has no name. Where it is not enabled the
// headers are the caller's own, and say nothing.
func (f *HTTP) caller(h *host, p principal, keyed bool) (string, error) {
	if h.settings.SignIn && len(p.ID)+len(p.Encoded) > 0 {
		return p.caller(f.Roles)
	}
	if keyed {
		return "", nil
	}
	return "", errNoCaller
}

var errPrincipal = errors.New("what App Service authentication says of the caller is not understood")

// caller returns the name of somebody whom App Service has signed in, if one of the wanted
// roles is among theirs; none wanted lets everybody pass.
func (p principal) caller(wanted []string) (string, error) {
	if len(p.ID) != 1 || len(p.Encoded) > 1 {
		return "", errPrincipal
	}
	name := trigger.CallerName(p.ID[0])
	if len(wanted) == 0 {
		return name, nil
	}
	if len(p.Encoded) == 0 {
		return "", errPrincipal
	}
	roles, err := rolesOf(p.Encoded[0])
	switch {
	case err != nil:
		return "", err
	case !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(wanted, role) }):
		return "", trigger.ErrRole
	}
	return name, nil
}

// rolesOf reads the roles of a principal: JSON in base64.
func rolesOf(encoded string) ([]string, error) {
	var about struct {
		RoleType string `json:"role_typ"`
		Claims   []struct {
			Type  string `json:"typ"`
			Value string `json:"val"`
		} `json:"claims"`
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(text, &about) != nil {
		return nil, errPrincipal
	}
	var roles []string
	for _, claim := range about.Claims {
		if claim.Type == "roles" || claim.Type == about.RoleType && about.RoleType != "" {
			roles = append(roles, claim.Value)
		}
	}
	return roles, nil
}
