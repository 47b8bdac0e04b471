package credential

import (
	"net/http"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
)

// advice is what one AADSTS code means for a person.
type advice struct {
	kind          Kind
	problem, next string
}

// The codes that the flow itself depends on.
const (
	wrongSecret    = 7000215
	expiredSecret  = 7000222
	wrongAssertion = 700027
	unknownTenant  = 90002

	invalidSignature  = 700026
	outOfTime         = 700024
	wrongAlgorithm    = 5002738
	issuerUnreachable = 50166
)

// stale reports whether a rotated secret would explain the code, so that rereading
// the secret is worth it.
func stale(code int) bool {
	return code == wrongSecret || code == expiredSecret || code == wrongAssertion || code == invalidSignature
}

// isMismatch reports whether a code says that no federated credential matches.
func isMismatch(code int) bool {
	switch code {
	case 70021, 700211, 700212, 700213, 7002137, 7002138:
		return true
	}
	return false
}

// adviceFor follows Microsoft's list of AADSTS codes, as far as the
// client-credentials grant can run into them.
func adviceFor(code int) (advice, bool) {
	switch code {
	case wrongSecret:
		return advice{Rejected, "the client secret is wrong", "put the secret's Value (not its Secret ID) into ClientSecret; a new one can take a minute to work everywhere"}, true
	case expiredSecret:
		return advice{Rejected, "the client secret has expired", "add a client secret to the app registration and put its Value into ClientSecret"}, true
	case 7000218:
		return advice{Rejected, "no client secret arrived at Entra ID", "check ClientSecret, and a proxy that changes requests"}, true
	case 700016:
		return advice{Rejected, "the application is not in this tenant", "use the Application (client) ID, not the Object ID, and check TenantID"}, true
	case 700038:
		return advice{Rejected, "ClientID is not an application id", "use the Application (client) ID of the app registration"}, true
	case 7000229:
		return advice{Rejected, "the application has no service principal in this tenant", "have an administrator of the tenant grant it consent"}, true
	case 7000112:
		return advice{Rejected, "the application is disabled", "enable sign-in under Enterprise applications, Properties"}, true
	case unknownTenant:
		return advice{Rejected, "the tenant does not exist in this cloud", "check TenantID and ROLLCALL_CLOUD"}, true
	case 900023:
		return advice{Rejected, "TenantID is neither a tenant's GUID nor a domain", "use the Directory (tenant) ID of the app registration"}, true
	case 90038, 900382, 900432, 900439:
		return advice{Rejected, "the tenant belongs to another cloud", "set ROLLCALL_CLOUD to the tenant's cloud"}, true
	case 9001023:
		return advice{Rejected, "TenantID is not one tenant", "use the tenant's GUID or its domain instead of common, organizations or consumers"}, true
	case 500011, 70011, 1002012:
		return advice{Rejected, "Entra ID does not know the audience asked for", "set ROLLCALL_CLOUD to the tenant's cloud"}, true
	case wrongAssertion, invalidSignature, outOfTime, 50012, 50013, 50027, 500133, 700021, 700023, 700030, 5002730:
		return advice{Rejected, "the client assertion is not valid", "check the certificate that is registered on the app, and the clock"}, true
	case wrongAlgorithm:
		return advice{Rejected, "Entra ID does not take the algorithm that the token is signed by", "have the issuer sign by RS256"}, true
	case issuerUnreachable, 501661:
		return advice{Rejected, "Entra ID cannot read the documents of the token's issuer", "see that they can be read on the internet"}, true
	case 70021, 700211, 700212, 700213, 7002137, 7002138:
		return advice{Rejected, "no federated credential of the app matches", "compare issuer, subject and audience, case included; a new one takes minutes to work"}, true
	case 53003, 530032, 530035:
		return advice{Rejected, "a Conditional Access policy blocks the application", "have an administrator allow it, or the addresses that it comes from"}, true
	case 900144, 70003:
		return advice{Rejected, "Entra ID could not read the token request", "check a proxy that changes requests"}, true
	case 90055, 50196:
		return advice{Throttled, "Entra ID is throttling this tenant or application", "try again later; share one token among fewer processes"}, true
	case 90006, 90012, 90024, 90033, 90090:
		return advice{Unavailable, "Entra ID is temporarily unavailable", "try again later"}, true
	}
	return advice{
		kind:    Rejected,
		problem: "Entra ID refused the token request",
		next:    "look the code up at " + cloud.Public().LoginURL + "/error?code=" + strconv.Itoa(code),
	}, false
}

// refused makes the Error of an answer that is not a success.
func refused(x *exchange) *Error {
	e := &Error{
		Status:        x.status,
		Code:          x.refusal.code(),
		TraceID:       x.refusal.TraceID,
		CorrelationID: x.refusal.CorrelationID,
		RetryAfter:    x.retryAfter,
	}
	known, ok := adviceFor(e.Code)
	e.Kind, e.Problem, e.Advice = known.kind, known.problem, known.next
	if e.Code == 0 {
		e.Advice = adviceProxy
	}
	if e.Code == 0 && x.html {
		e.Problem = x.host + " refused the token request with HTML, which Entra ID does not send"
	}
	switch {
	case x.status == http.StatusTooManyRequests:
		e.Kind, e.Problem, e.Advice = Throttled, "Entra ID is throttling this application", "try again later; share one token among fewer processes"
	case x.status == http.StatusRequestTimeout, x.status >= 500, x.refusal.Error == "temporarily_unavailable":
		if !ok || e.Kind == Rejected {
			e.Kind, e.Problem, e.Advice = Unavailable, "Entra ID is temporarily unavailable", "try again later"
		}
	case x.status >= 300 && x.status < 400:
		e.Kind, e.Problem, e.Advice = Unavailable, "the login host answered with a redirect, which is not followed", adviceProxy
		return e
	}
	e.retryable = e.Kind == Throttled || e.Kind == Unavailable
	return e
}
