package lambda

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// httpTimeout is how long an HTTP API waits; it cannot be raised.
const httpTimeout = 30 * time.Second

// receiveHTTPAPI reads a request of an HTTP API, payload version 2.0. Its rawPath
// is unescaped, whatever its name says, and begins with the stage unless that is
// $default, also behind a custom domain. The query is as it was sent.
func (h *HTTP) receiveHTTPAPI(event *events.APIGatewayV2HTTPRequest) *request {
	about := &event.RequestContext
	_, route, _ := strings.Cut(event.RouteKey, " ")
	prefix, path := mount(event.RawPath, route, event.PathParameters, stageOf(about.Stage))
	x := h.receiveV2(event)
	x.place(path, prefix, about.Stage)
	x.Request.URL.RawQuery = event.RawQueryString
	x.Timeout = httpTimeout
	return x
}

// receiveHTTPAPI1 reads a request of an HTTP API, payload version 1.0. It looks
// like a REST API's, but its path is that of version 2.0.
func (h *HTTP) receiveHTTPAPI1(event *events.APIGatewayProxyRequest) *request {
	about := &event.RequestContext
	prefix, path := mount(event.Path, event.Resource, event.PathParameters, stageOf(about.Stage))
	x := h.receiveProxy(event, false)
	if x.Request.Method == "" {
		x.Request.Method = about.HTTPMethod
	}
	x.place(path, prefix, about.Stage)
	x.Request.URL.RawQuery = encodeQuery(event.MultiValueQueryStringParameters, event.QueryStringParameters)
	x.Timeout = httpTimeout
	x.Compressed = true
	return x
}

// receiveV2 reads what HTTP APIs of payload version 2.0 and Function URLs have
// in common: nearly all but the path.
func (h *HTTP) receiveV2(event *events.APIGatewayV2HTTPRequest) *request {
	u, _ := decodedPath("/")
	return &request{
		Exchange: trigger.Exchange{
			Request:    trigger.NewRequest(event.RequestContext.HTTP.Method, event.RequestContext.DomainName, u, oneValue(event.Headers), event.Body, event.IsBase64Encoded),
			Caller:     func(context.Context) (string, error) { return h.v2Caller(&event.RequestContext) },
			Began:      time.UnixMilli(event.RequestContext.TimeEpoch),
			Limit:      buffered(),
			Compressed: true,
		},
		answer: func(r *trigger.Response) (any, error) {
			body, encoded := r.Text()
			return events.APIGatewayV2HTTPResponse{
				StatusCode: r.Status, Headers: single(r.Header), Cookies: r.Header.Values("Set-Cookie"),
				Body: body, IsBase64Encoded: encoded,
			}, nil
		},
	}
}

// place sets the path and prefix of a request to an HTTP API.
func (x *request) place(path, prefix, stage string) {
	u, ok := decodedPath(path)
	if !ok {
		x.Problem = badPath
		return
	}
	x.Request.URL = u
	if prefix != "/"+stage || apiDomain(x.Request.Host) {
		x.Prefix = prefix
	}
}

// stageOf is the part of the path that names a stage.
func stageOf(stage string) string {
	if stage == "$default" {
		return ""
	}
	return stage
}

// v2Caller finds who calls: by IAM, a JWT or Lambda authorizer or a client
// certificate.
func (h *HTTP) v2Caller(about *events.APIGatewayV2HTTPRequestContext) (string, error) {
	if a := about.Authorizer; a != nil {
		switch {
		case a.IAM != nil && a.IAM.UserARN != "":
			if slices.Contains(a.IAM.CognitoIdentity.AMR, "unauthenticated") {
				return "", errAnonymous // an identity pool's guest, which anyone may be
			}
			return iamName(a.IAM.UserARN, a.IAM.CallerID), nil
		case a.JWT != nil && len(a.JWT.Claims) > 0:
			return tokenCaller(h.Roles, a.JWT.Claims)
		case len(a.Lambda) > 0:
			return authorizerName(a.Lambda), nil
		}
	}
	if cert := about.Authentication.ClientCert; cert.ClientCertPem != "" {
		return certificateName(cert.SerialNumber), nil
	}
	return "", errAnonymous
}
