package trigger

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// httpPatience is how long an HTTP API waits; it cannot be raised.
const httpPatience = 30 * time.Second

// receiveHTTPAPI takes a request of an HTTP API, payload version 2.0. Its rawPath
// is unescaped, whatever its name says, and begins with the stage unless that is
// $default, also behind a domain of one's own. The query is as it was sent.
func receiveHTTPAPI(raw []byte) (*exchange, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := decode(raw, &event); err != nil {
		return nil, fail("Request.Invalid", "the event is not an HTTP API event of payload version 2.0")
	}
	about := &event.RequestContext
	_, route, _ := strings.Cut(event.RouteKey, " ")
	prefix, path := mount(event.RawPath, route, event.PathParameters, stageOf(about.Stage))
	x := receiveV2(&event)
	x.place(path, prefix, about.Stage)
	x.request.URL.RawQuery = event.RawQueryString
	x.patience = httpPatience
	return x, nil
}

// receiveV2 takes what HTTP APIs of payload version 2.0 and Function URLs have
// in common: nearly all but the path.
func receiveV2(event *events.APIGatewayV2HTTPRequest) *exchange {
	u, _ := decodedPath("/")
	return &exchange{
		request:    newRequest(event.RequestContext.HTTP.Method, event.RequestContext.DomainName, u, oneValue(event.Headers)),
		caller:     func(context.Context) (string, error) { return v2Caller(&event.RequestContext) },
		began:      time.UnixMilli(event.RequestContext.TimeEpoch),
		limit:      maxResponse,
		advice:     adviceHTTP,
		compressed: true,
		answer: func(w *recorder) (any, error) {
			body, encoded := w.text()
			return events.APIGatewayV2HTTPResponse{
				StatusCode: w.status, Headers: single(w.header), Cookies: w.header.Values("Set-Cookie"),
				Body: body, IsBase64Encoded: encoded,
			}, nil
		},
	}
}

// place sets the path and prefix of a request to an HTTP API.
func (x *exchange) place(path, prefix, stage string) {
	u, ok := decodedPath(path)
	if !ok {
		x.problem = badPath
		return
	}
	x.request.URL = u
	if prefix != "/"+stage || apiDomain(x.request.Host) {
		x.prefix = prefix
	}
}

// stageOf is the part of the path that stands for a stage.
func stageOf(stage string) string {
	if stage == "$default" {
		return ""
	}
	return stage
}

// v2Caller finds who calls: by IAM, a JWT or Lambda authorizer or a client
// certificate.
func v2Caller(request *events.APIGatewayV2HTTPRequestContext) (string, error) {
	if a := request.Authorizer; a != nil {
		switch {
		case a.IAM != nil && a.IAM.UserARN != "":
			if slices.Contains(a.IAM.CognitoIdentity.AMR, "unauthenticated") {
				return "", errAnonymous // an identity pool's guest, which anyone may be
			}
			return iamName(a.IAM.UserARN, a.IAM.CallerID), nil
		case a.JWT != nil && len(a.JWT.Claims) > 0:
			return claimsName(textOf(a.JWT.Claims)), nil
		case len(a.Lambda) > 0:
			return authorizerName(a.Lambda), nil
		}
	}
	if cert := request.Authentication.ClientCert; cert.ClientCertPem != "" {
		return certificateName(cert.SerialNumber), nil
	}
	return "", errAnonymous
}
