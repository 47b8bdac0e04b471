package graphapi

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
)

const gatewayPage = "<!DOCTYPE html>\r\n<html><head><title>%</title></head>\r\n<body><h2>Our services aren't available right now</h2><p>We're working to restore all services as soon as possible.</p></body></html>\r\n"

// inject lets a fault answer in the place of Graph.
func (c *call) inject(k fault.Kind) {
	c.NoteFaults(k.Name)
	switch k.Name {
	case "reset-before-headers":
		c.Reset(syscall.ECONNRESET)
	case "stall-headers":
		c.Stall()
	case "redirect":
		c.W.Header().Set("Location", "https://"+c.config.ForeignHost+c.R.URL.RequestURI())
		c.head(http.StatusFound, "")
	case "504":
		c.head(http.StatusGatewayTimeout, "")
	case "502-html":
		c.html(http.StatusBadGateway)
	case "html-200":
		c.html(http.StatusOK)
	case "no-value":
		c.json()
		c.Write([]byte("{}"))
	case "error-200":
		c.json()
		c.Write(c.unknownError())
	case "expired-token":
		c.chains.dead.swap(c.pageToken().chain, true)
		c.fail(expiredPageToken())
	case "delta-expired":
		c.endDelta()
		c.fail(syncStateNotFound())
	case "delta-reset":
		c.endDelta()
		c.fail(grapherror.New(http.StatusGone, "resyncRequired", "The data must be synchronised again.").
			With("Location", c.Base()+strings.TrimSuffix(c.R.URL.Path, "/")+"?$deltatoken="))
	case "delta-page-expired":
		c.endDelta()
		c.fail(expiredPageToken())
	case "cae":
		c.fail(challenge(c.tokens.RevokeTokens()))
	default:
		c.fail(c.refusalOf(k))
	}
}

func (c *call) html(status int) {
	c.W.Header().Set("X-Azure-Ref", c.RequestID)
	c.Head(status, "text/html")
	c.Write([]byte(gatewayPage))
}

// endDelta makes the chain of links expire that the request is a part of.
func (c *call) endDelta() {
	c.chains.dead.swap(c.deltaToken().chain, true)
}

// unknownError is an error envelope where none should be.
func (c *call) unknownError() []byte {
	return grapherror.New(http.StatusOK, "UnknownError", "").Envelope(c.RequestID, c.ClientRequestID())
}

// refusalOf is the error of a fault that is a plain refusal.
func (c *call) refusalOf(k fault.Kind) *grapherror.Error {
	refusal := grapherror.New(http.StatusInternalServerError, "UnknownError", "")
	switch k.Status {
	case http.StatusBadRequest:
		if refusal = countUnsupported(); k.Name == "delta-refused" {
			refusal = deltaUnsupported()
		}
	case http.StatusUnauthorized:
		refusal = unauthorized("Lifetime validation failed, the token is expired.")
	case http.StatusForbidden:
		refusal = grapherror.Denied()
	case http.StatusTooManyRequests:
		refusal = c.throttled()
	case http.StatusServiceUnavailable:
		refusal = unavailable()
	}
	switch {
	case k.Name == "empty-code":
		refusal.Code = ""
	case k.Name == "429-date":
		refusal.With("Retry-After", time.Now().Add(max(time.Second, c.config.Scaled(9*time.Second))).UTC().Format(http.TimeFormat))
	case k.RetryAfter != "":
		refusal.With("Retry-After", c.config.ScaledSeconds(k.RetryAfter))
	}
	return refusal
}

func unavailable() *grapherror.Error {
	return grapherror.New(http.StatusServiceUnavailable, "serviceNotAvailable", "The service is temporarily unavailable. Please try again later.")
}

func expiredPageToken() *grapherror.Error {
	return grapherror.New(http.StatusBadRequest, "Directory_ExpiredPageToken",
		"The specified page token value has expired and can no longer be included in your request.")
}

// breakBody ends a list's body half-way, as a fault demands. It is called with
// what has been written of the next user.
func (c *call) breakBody(partial []byte) {
	half := partial[:len(partial)/2]
	switch {
	case c.faults.Has("reset"):
		c.Write(half)
		c.Reset(syscall.ECONNRESET)
	case c.faults.Has("truncate"):
		c.Write(half)
		c.Reset(io.ErrUnexpectedEOF)
	case c.faults.Has("truncate-clean"):
		c.Write(half)
	case c.faults.Has("stall"):
		c.Write(half)
		c.Stall()
	case c.faults.Has("in-stream-error"):
		c.Write(c.unknownError())
	}
}
