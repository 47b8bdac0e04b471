package credential

import (
	"errors"
	"net/http"
)

// explain makes the Error of an attempt that got no token of a managed identity. The
// statuses are those that Azure documents for its metadata service, which App Service
// follows; the texts of its answers are dropped.
func (e *hostEndpoint) explain(x *exchange, id Identity) *Error {
	switch {
	case errors.Is(x.err, errNoIdentity):
		return e.absent(x.err)
	case errors.Is(x.err, errOtherHost), x.err == nil && x.status == 0:
		return &Error{
			Kind: Malformed, Problem: "this host is not one whose managed identities are supported",
			Advice: "set IDENTITY_ENDPOINT and IDENTITY_HEADER as App Service and Azure Functions do, or neither for the metadata service of a virtual machine", Err: x.err,
		}
	case x.err != nil:
		return unreachable(x.err, "the endpoint of the managed identity", "try again later; restart the app if it lasts")
	case x.succeeded():
		return notAToken(x.status)
	}
	r := &Error{Status: x.status, CorrelationID: x.refusal.CorrelationID, TraceID: x.refusal.TraceID, RetryAfter: x.retryAfter}
	switch {
	case x.status == http.StatusBadRequest && x.refusal.Error == "invalid_resource":
		r.Kind, r.Problem, r.Advice = Rejected, "the tenant of the managed identity does not know the audience asked for", "set ROLLCALL_CLOUD to the tenant's cloud"
	case x.status == http.StatusBadRequest:
		r.Kind, r.Problem, r.Advice = Rejected, e.unknown(id), e.assign(id)
	case x.status == http.StatusForbidden && e.isMetadata():
		return e.absent(errNoIdentity) // what answers there is a proxy, such as Docker Desktop's
	case x.status == http.StatusUnauthorized, x.status == http.StatusForbidden:
		r.Kind, r.Problem, r.Advice = Rejected, "the endpoint of the managed identity does not accept IDENTITY_HEADER", "leave IDENTITY_ENDPOINT and IDENTITY_HEADER as the platform sets them, and restart the app"
	case x.status == http.StatusTooManyRequests:
		r.Kind, r.Problem, r.Advice, r.retryable = Throttled, "the endpoint of the managed identity is throttling this app", "try again later; run fewer processes beside each other", true
	case x.status == http.StatusNotFound, x.status == http.StatusGone, x.status == http.StatusRequestTimeout, x.status >= http.StatusInternalServerError:
		r.Kind, r.Problem, r.Advice, r.retryable = Unavailable, "the endpoint of the managed identity is temporarily unavailable", "try again later; restart the app if it lasts", true
	default:
		r.Kind, r.Problem, r.Advice = Unavailable, "the endpoint of the managed identity gave an answer that it never gives", adviceHost
	}
	return r
}

const adviceHost = "see that nothing else answers at IDENTITY_ENDPOINT"

// notAToken is the error of an answer that holds no token.
func notAToken(status int) *Error {
	return &Error{Kind: Unavailable, Problem: "the answer of the managed identity's endpoint holds no token", Advice: adviceHost, Status: status, retryable: true}
}

// unknown says which identity the host does not have.
func (e *hostEndpoint) unknown(id Identity) string {
	if id.SystemAssigned {
		return "this host has no system-assigned managed identity"
	}
	return "this host has no managed identity with client id " + showGUID(id.ClientID)
}

// assign says how to give it to it.
func (e *hostEndpoint) assign(id Identity) string {
	text := "turn it on (az functionapp identity assign), or name a user-assigned one: managed-identity:<client id>"
	if !id.SystemAssigned {
		text = "assign it (az functionapp identity assign --identities <resource id>), or correct AZURE_CLIENT_ID or managed-identity:<client id>"
	}
	if e.isSet("AZURE_CLIENT_SECRET") {
		text += "; to sign in with AZURE_CLIENT_SECRET instead, set ROLLCALL_CREDENTIALS=env:"
	}
	return text
}
