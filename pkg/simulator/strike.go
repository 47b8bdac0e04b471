package simulator

import (
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const gatewayPage = "<!DOCTYPE html>\r\n<html><head><title>%</title></head>\r\n<body><h2>Our services aren't available right now</h2><p>We're working to restore all services as soon as possible.</p></body></html>\r\n"

// strike lets a fault answer in the place of Graph, and says whether one did.
func (x *exchange) strike(kind string, page int) bool {
	set := x.tenant.faults.take(atAnswer, kind, page)
	if len(set) == 0 {
		return false
	}
	x.noteFaults(set)
	switch name := set[0]; name {
	case "reset-before-headers":
		x.reset(syscall.ECONNRESET)
	case "stall-headers":
		x.stall()
	case "redirect":
		x.graphHeaders()
		x.w.Header().Set("Location", "https://"+x.tenant.config.ForeignHost+x.r.URL.RequestURI())
		x.head(http.StatusFound, "")
	case "504":
		x.graphHeaders()
		x.head(http.StatusGatewayTimeout, "")
	case "502-html":
		x.html(http.StatusBadGateway)
	case "html-200":
		x.html(http.StatusOK)
	case "no-value":
		x.json()
		x.write([]byte("{}"))
	case "error-200":
		x.json()
		x.write(refuse(http.StatusOK, "UnknownError", "").envelope(x.requestID, x.clientRequestID(), time.Now()))
	case "expired-token":
		x.tenant.pages.kill(x.chain())
		x.fail(expiredPageToken())
	case "cae":
		x.tenant.RevokeTokens()
		x.tenant.mu.Lock()
		number := x.tenant.challenged
		x.tenant.mu.Unlock()
		x.fail(challenge(number))
	default:
		x.fail(struckBy(name, x.tenant.throttleScope()))
	}
	return true
}

func (x *exchange) html(status int) {
	x.w.Header().Set("X-Azure-Ref", x.requestID)
	x.head(status, "text/html")
	x.write([]byte(gatewayPage))
}

// struckBy gives the error of a fault that is a plain refusal.
func struckBy(name, scope string) *graphError {
	switch name {
	case "401":
		return unauthorised("Lifetime validation failed, the token is expired.")
	case "403":
		return refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	case "429-seconds":
		return throttled(scope).with("Retry-After", "7")
	case "429-decimal":
		return throttled(scope).with("Retry-After", "1.5")
	case "429-date":
		return throttled(scope).with("Retry-After", time.Now().Add(9*time.Second).UTC().Format(http.TimeFormat))
	case "429-absent":
		return throttled(scope)
	case "429-storm":
		return throttled(scope).with("Retry-After", "1")
	case "count-throttled":
		return throttled(scope).with("Retry-After", "10")
	case "count-refused":
		return badRequest("$count is not currently supported.")
	case "503":
		return unavailable()
	case "503-retry-after":
		return unavailable().with("Retry-After", "5")
	case "empty-code":
		return refuse(http.StatusInternalServerError, "", "")
	default:
		return refuse(http.StatusInternalServerError, "UnknownError", "")
	}
}

func throttled(scope string) *graphError {
	return refuse(http.StatusTooManyRequests, "TooManyRequests", "Too many requests. Please retry again later.").
		with("x-ms-throttle-scope", scope).with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
}

func unavailable() *graphError {
	return refuse(http.StatusServiceUnavailable, "serviceNotAvailable", "The service is temporarily unavailable. Please try again later.")
}

func expiredPageToken() *graphError {
	return refuse(http.StatusBadRequest, "Directory_ExpiredPageToken",
		"The specified page token value has expired and can no longer be included in your request.")
}

// breaks ends a list's body as a fault wants it ended, half-way. It is called
// with what has been written of the next user.
func (x *exchange) breaks(partial []byte) {
	half := partial[:len(partial)/2]
	switch {
	case x.faults.has("reset"):
		x.write(half)
		x.reset(syscall.ECONNRESET)
	case x.faults.has("truncate"):
		x.write(half)
		x.reset(io.ErrUnexpectedEOF)
	case x.faults.has("truncate-clean"):
		x.write(half)
	case x.faults.has("stall"):
		x.write(half)
		x.stall()
	case x.faults.has("in-stream-error"):
		x.write(refuse(http.StatusOK, "UnknownError", "").envelope(x.requestID, x.clientRequestID(), time.Now()))
	}
}

// breaking says whether one of the faults that end a body half-way strikes.
func (s faultSet) breaking() bool {
	return s.has("reset") || s.has("truncate") || s.has("truncate-clean") || s.has("stall") || s.has("in-stream-error")
}

// throttleScope is what Graph names as the limit that was hit.
func (t *Tenant) throttleScope() string {
	return "Tenant_Application/ReadWrite/" + t.config.ClientID + "/" + t.config.Tenant
}

func itoa(n int) string { return strconv.Itoa(n) }
