package login

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// refusal is an error of the token service.
type refusal struct {
	number int // AADSTS...
	status int
	reason string
	page   bool   // error_uri names a page about it
	text   string // with verbs for the arguments of refuse
}

// refusals lists the errors that the service knows.
func refusals() []refusal {
	return []refusal{
		{50049, 400, "invalid_instance", false, "Unknown or invalid instance."},
		{50013, 401, "invalid_client", true, "Assertion failed validation. [Reason - %s.]"},
		{50027, 401, "invalid_client", true, "JWT token is invalid or malformed. %s."},
		{50166, 401, "invalid_client", true, "Request to External OIDC endpoint failed."},
		{70003, 400, "unsupported_grant_type", false, "The app requested an unsupported grant type '%s'."},
		{70011, 400, "invalid_scope", true, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid."},
		{70021, 400, "invalid_request", true, "No matching federated identity record found for presented assertion. Assertion %s."},
		{90002, 400, "invalid_request", true, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
		{90033, 500, "server_error", true, "A transient error has occurred. Please try again."},
		{90055, 429, "temporarily_unavailable", true, "Tenant throttled because of too many requests."},
		{500011, 400, "invalid_resource", true, "The resource principal named %s was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},
		{700016, 400, "unauthorized_client", true, "Application with identifier '%s' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
		{700021, 401, "invalid_client", true, "Client assertion application identifier doesn't match 'client_id' parameter."},
		{700023, 401, "invalid_client", true, "Client assertion audience claim does not match Realm issuer."},
		{700024, 401, "invalid_client", true, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s."},
		{700027, 401, "invalid_client", true, "Client assertion contains an invalid signature. [Reason - %s, Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]"},
		{700038, 400, "unauthorized_client", false, "%s is not a valid application identifier."},
		{900023, 400, "invalid_request", true, "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain."},
		{700211, 401, "invalid_client", true, "No matching federated identity record found for presented assertion issuer '%s'."},
		{700212, 401, "invalid_client", true, "No matching federated identity record found for presented assertion audience '%s'."},
		{700213, 401, "invalid_client", true, "No matching federated identity record found for presented assertion subject '%s'."},
		{900144, 400, "invalid_request", true, "The request body must contain the following parameter: '%s'."},
		{900561, 400, "invalid_request", true, "The endpoint only accepts POST requests. Received a %s request."},
		{1002012, 400, "invalid_scope", true, "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
		{5002738, 401, "invalid_client", true, "Invalid JWT token. The signing algorithm '%s' is not supported."},
		{7000215, 401, "invalid_client", true, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
		{7000218, 401, "invalid_client", true, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
		{7000222, 401, "invalid_client", true, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
		{7002138, 401, "invalid_client", true, "No matching federated identity record found for presented assertion subject '%s'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison."},
		{9001023, 400, "invalid_request", true, "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	}
}

func refuse(number int, args ...any) *refusal {
	for _, r := range refusals() {
		if r.number == number {
			r.text = fmt.Sprintf(r.text, args...)
			return &r
		}
	}
	return refuse(90033)
}

// fail sends an error in the shape recorded in 2026: one line, a timestamp with
// a space, and error_uri only where there is a page.
func (s *Service) fail(x *wire.Exchange, r *refusal) {
	correlation := x.R.Header.Get("Client-Request-Id")
	if _, ok := guid.Parse(correlation); !ok {
		correlation = guid.Of(s.config.Seed+3, x.Serial()).String()
	}
	stamp := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	number := strconv.Itoa(r.number)
	body := `{"error":` + wire.Quote(r.reason) + `,"error_description":` +
		wire.Quote("AADSTS"+number+": "+r.text+" Trace ID: "+x.RequestID+" Correlation ID: "+correlation+" Timestamp: "+stamp) +
		`,"error_codes":[` + number + `],"timestamp":"` + stamp + `","trace_id":"` + x.RequestID + `","correlation_id":"` + correlation + `"`
	if r.page {
		body += `,"error_uri":"` + x.Base() + `/error?code=` + number + `"`
	}
	if r.status == http.StatusTooManyRequests {
		x.W.Header().Set("Retry-After", s.config.ScaledSeconds("60"))
	}
	document(x, r.status, body+"}")
}

// checkTenant checks the tenant in the path: the GUID or the domain.
func (s *Service) checkTenant(tenant string) *refusal {
	if strings.EqualFold(tenant, s.config.Tenant) || strings.EqualFold(tenant, s.config.Domain) {
		return nil
	}
	if _, ok := guid.Parse(tenant); !ok && !strings.Contains(tenant, ".") {
		return refuse(900023, tenant)
	}
	return refuse(90002, tenant)
}
