package functionshost

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

const (
	// FunctionKey is the key that functions with authLevel function take, in the header
	// X-Functions-Key or the parameter code.
	FunctionKey = "function-key-of-the-end-to-end-tests"
	// MasterKey is the one that all functions take.
	MasterKey = "master-key-of-the-end-to-end-tests"
)

// Authentication is App Service's authentication in front of the app. A client's own
// X-MS-CLIENT-PRINCIPAL* and X-MS-TOKEN-* headers are removed, and those of the principal
// are set whose token it sent.
type Authentication struct {
	// Principals are by the bearer token that stands for them. Any other token gets 401.
	Principals map[string]Principal
	// AllowAnonymous lets requests without a token through, and ExcludedPaths those to these
	// paths. Others get 401.
	AllowAnonymous bool
	ExcludedPaths  []string
}

// Principal is who a caller is.
type Principal struct {
	// ID is the object id, Name the user or app name, Provider the identity provider,
	// usually aad.
	ID, Name, Provider string
	// Claims are those of the token, by type and value.
	Claims []Claim
}

// Claim is a statement of a token.
type Claim struct {
	Type  string `json:"typ"`
	Value string `json:"val"`
}

const (
	nameClaim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
	roleClaim = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
)

// authenticate is App Service's part, before the host sees the request. It reports whether
// the request may go on.
func (a *Authentication) authenticate(r *http.Request) bool {
	if a == nil {
		return true
	}
	for name := range r.Header {
		if upper := strings.ToUpper(name); strings.HasPrefix(upper, "X-MS-CLIENT-PRINCIPAL") || strings.HasPrefix(upper, "X-MS-TOKEN-") {
			delete(r.Header, name)
		}
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return a.AllowAnonymous || slices.Contains(a.ExcludedPaths, r.URL.Path)
	}
	p, ok := a.Principals[token]
	if !ok {
		return false
	}
	claims := append([]Claim{}, p.Claims...)
	text, err := encode(map[string]any{"auth_typ": p.Provider, "name_typ": nameClaim, "role_typ": roleClaim, "claims": claims})
	if err != nil {
		return false
	}
	r.Header.Set("X-Ms-Client-Principal", base64.StdEncoding.EncodeToString(text))
	r.Header.Set("X-Ms-Client-Principal-Id", p.ID)
	r.Header.Set("X-Ms-Client-Principal-Name", p.Name)
	r.Header.Set("X-Ms-Client-Principal-Idp", p.Provider)
	return true
}

// level is what the key of a request is good for: "", function or admin. The header counts
// before the parameter.
func level(r *http.Request) string {
	key := r.URL.Query().Get("code")
	if values := r.Header.Values("X-Functions-Key"); len(values) > 0 {
		key = values[0]
	}
	switch key {
	case MasterKey:
		return "admin"
	case FunctionKey:
		return "function"
	default:
		return ""
	}
}

// authorized reports whether a key is enough for a function.
func (fn *function) authorized(key string) bool {
	return fn.trigger.AuthLevel == "anonymous" || key == "admin" || key == fn.trigger.AuthLevel
}

// identities is the member Identities of a request in an envelope, as .NET's ClaimsIdentity
// looks in JSON.
func (h *Host) identities(r *http.Request) []any {
	var list []any
	add := func(kind any, claims []Claim) {
		items := []any{}
		for _, c := range claims {
			items = append(items, map[string]any{
				"Issuer": "LOCAL AUTHORITY", "OriginalIssuer": "LOCAL AUTHORITY", "Properties": map[string]any{},
				"Type": c.Type, "Value": c.Value, "ValueType": "http://www.w3.org/2001/XMLSchema#string",
			})
		}
		list = append(list, map[string]any{
			"AuthenticationType": kind, "IsAuthenticated": kind != nil, "Actor": nil, "BootstrapContext": nil, "Claims": items,
			"Label": nil, "Name": nil, "NameClaimType": nameClaim, "RoleClaimType": roleClaim,
		})
	}
	if a := h.cfg.Authentication; a != nil {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			add(a.Principals[token].Provider, a.Principals[token].Claims)
		}
	}
	if key := level(r); key != "" {
		add("WebJobsAuthLevel", []Claim{
			{Type: "http://schemas.microsoft.com/2017/07/functions/claims/authlevel", Value: strings.ToUpper(key[:1]) + key[1:]},
			{Type: "http://schemas.microsoft.com/2017/07/functions/claims/invoke", Value: "true"},
		})
	}
	if list == nil {
		add(nil, nil)
	}
	return list
}
