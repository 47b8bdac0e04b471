package login

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// The endpoints by which Azure vouches for what runs in it, and the life of the tokens
// that they give. The platform keeps each of them until shortly before its end, whatever
// becomes of the identity meanwhile.
const (
	AppServicePath     = "/msi/token"
	MetadataPath       = "/metadata/identity/oauth2/token"
	identityLifetime   = 24 * time.Hour
	identityEndsBefore = 5 * time.Minute
)

// kept is a token that the platform keeps.
type kept struct {
	token string
	ends  int64
}

// isIdentity reports whether a path is that of an endpoint of managed identities.
func isIdentity(path string) bool { return path == AppServicePath || path == MetadataPath }

// identity answers for the host's managed identities: App Service's protocol of
// 2019-08-01, or that of the metadata service of 2018-02-01.
func (s *Service) identity(x *wire.Exchange) {
	if k, ok := s.faults.Instead(fault.Token, 0, s.faults.Event(fault.Token, 0, "")); ok {
		x.NoteFaults(k.Name)
		s.injectIdentity(x, k.Name)
		return
	}
	query := x.R.URL.Query()
	metadata := x.R.URL.Path == MetadataPath
	switch {
	case x.R.Method != http.MethodGet:
		s.unidentified(x, http.StatusMethodNotAllowed, "invalid_request", "Method not allowed")
		return
	case metadata && !strings.EqualFold(x.R.Header.Get("Metadata"), "true"):
		s.unidentified(x, http.StatusBadRequest, "invalid_request", "Required metadata header not specified")
		return
	case !metadata && x.R.Header.Get("X-Identity-Header") != tenant.IdentityHeader:
		s.unidentified(x, http.StatusUnauthorized, "", "The X-IDENTITY-HEADER does not match.")
		return
	case query.Get("api-version") != map[bool]string{true: "2018-02-01", false: "2019-08-01"}[metadata]:
		s.unidentified(x, http.StatusBadRequest, "bad_request", "The api-version is invalid.")
		return
	}
	of, ok := s.config.Identity(query.Get("client_id"))
	if !ok {
		message := "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
		if metadata {
			message = "Identity not found"
		}
		s.unidentified(x, http.StatusBadRequest, "invalid_request", message)
		return
	}
	audience := strings.TrimSuffix(query.Get("resource"), "/")
	if !s.isResource(audience, x.R.Host) {
		s.unidentified(x, http.StatusBadRequest, "invalid_resource", "AADSTS500011: The resource principal named "+audience+" was not found in the tenant named Contoso.")
		return
	}
	given, err := s.keep(of, audience, x.Serial())
	if err != nil {
		s.unidentified(x, http.StatusInternalServerError, "unknown", "An unexpected error occurred while fetching the AAD Token.")
		return
	}
	document(x, http.StatusOK, `{"access_token":"`+given.token+`","client_id":"`+of.ClientID+`","expires_on":"`+strconv.FormatInt(given.ends, 10)+
		`","resource":`+wire.Quote(query.Get("resource"))+`,"token_type":"Bearer"}`)
}

// isResource says whether tokens are issued for a resource.
func (s *Service) isResource(audience, host string) bool {
	switch audience {
	case "https://vault.azure.net", "https://storage.azure.com", "https://eventgrid.azure.net", "https://management.azure.com", "https://monitor.azure.com":
		return true
	}
	return s.isGraph(audience, host)
}

// keep returns the token that is kept, or keeps a new one.
func (s *Service) keep(of tenant.Identity, audience string, serial uint64) (kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	key := of.ClientID + " " + audience
	if given := s.identities[key]; now.Add(identityEndsBefore).Unix() < given.ends {
		return given, nil
	}
	token := accessToken{
		Audience: audience, IssuedAt: now.Unix() - 300, NotBefore: now.Unix() - 300, Expires: now.Add(identityLifetime).Unix(),
		DisplayName: "rollcall-identity", AppID: of.ClientID, AppIDACR: "2", ObjectID: s.IdentityObject(of.ClientID),
	}
	if audience == "https://graph.microsoft.com" || s.config.Named(strings.TrimPrefix(audience, "https://")) {
		token.Roles = of.Roles
	}
	text, err := s.mint(token, serial)
	if err != nil {
		return kept{}, err
	}
	s.identities[key] = kept{text, token.Expires}
	return s.identities[key], nil
}

// IdentityObject is the object id of a managed identity's service principal.
func (s *Service) IdentityObject(clientID string) string {
	n := uint64(1)
	for _, c := range []byte(clientID) {
		n = n*31 + uint64(c)
	}
	return guid.Of(s.config.Seed+5, n).String()
}

// ForgetIdentityTokens makes the platform forget the tokens that it keeps.
func (s *Service) ForgetIdentityTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.identities)
}

// unidentified refuses as the endpoint does: App Service in one form, the metadata service
// in another.
func (s *Service) unidentified(x *wire.Exchange, status int, reason, message string) {
	body := `{"error":` + wire.Quote(reason) + `,"error_description":` + wire.Quote(message) + `}`
	if x.R.URL.Path == AppServicePath {
		body = `{"statusCode":` + strconv.Itoa(status) + `,"message":` + wire.Quote(message) + `,"correlationId":"` + guid.Of(s.config.Seed+3, x.Serial()).String() + `"}`
	}
	document(x, status, body)
}

// injectIdentity lets a fault answer in the place of the endpoint.
func (s *Service) injectIdentity(x *wire.Exchange, name string) {
	switch name {
	case "token-html", "token-malformed":
		s.inject(x, name)
	case "token-429":
		x.W.Header().Set("Retry-After", s.config.ScaledSeconds("60"))
		s.unidentified(x, http.StatusTooManyRequests, "too_many_requests", "Too many requests")
	case "token-500":
		s.unidentified(x, http.StatusInternalServerError, "unknown", "An unexpected error occurred while fetching the AAD Token.")
	default:
		s.unidentified(x, http.StatusBadRequest, "invalid_request", "Identity not found")
	}
}
