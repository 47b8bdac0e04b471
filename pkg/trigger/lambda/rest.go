package lambda

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// restTimeout is how long a REST API waits for a buffered answer, unless its
// quota was raised, which the event does not say.
const restTimeout = 29 * time.Second

// compression is the stage variable with which a REST API says that it passes on
// compressed bodies.
const compression = "compression"

// receiveREST reads a request of a REST API (payload of the Lambda proxy
// integration). Its path is escaped as the caller sent it and lacks the stage
// (requestContext.path has it), but not the base path of a custom domain. Query
// options are decoded. A compressed body reaches the caller only if */* is among
// the API's binary media types, which the event does not say; the stage has to.
func (h *HTTP) receiveREST(event *events.APIGatewayProxyRequest) *request {
	x := h.receiveProxy(event, true)
	about := &event.RequestContext
	before, path := mount(event.Path, event.Resource, event.PathParameters, "")
	u, ok := encodedPath(path)
	if !ok {
		x.Problem, u = badPath, x.Request.URL
	}
	u.RawQuery = encodeQuery(event.MultiValueQueryStringParameters, event.QueryStringParameters)
	x.Request.URL = u
	if x.Prefix, ok = strings.CutSuffix(about.Path, path); !ok {
		x.Prefix = before
	}
	x.stream = func(s *trigger.Stream) any {
		return &events.APIGatewayProxyStreamingResponse{StatusCode: s.Status, MultiValueHeaders: multiple(s.Header), Body: s.Body}
	}
	x.Timeout = restTimeout
	x.Compressed = event.StageVariables[compression] == "gzip"
	return x
}

// receiveProxy reads what REST APIs and HTTP APIs of payload version 1.0 have in
// common: nearly all but the path. A REST API's Lambda authorizer must name a
// principal; an HTTP API's may have returned a context alone.
func (h *HTTP) receiveProxy(event *events.APIGatewayProxyRequest, principal bool) *request {
	u, _ := decodedPath("/")
	return &request{
		Exchange: trigger.Exchange{
			Request: trigger.NewRequest(event.HTTPMethod, event.RequestContext.DomainName, u, allValues(event.MultiValueHeaders, event.Headers), event.Body, event.IsBase64Encoded),
			Caller:  func(context.Context) (string, error) { return h.proxyCaller(&event.RequestContext, principal) },
			Began:   time.UnixMilli(event.RequestContext.RequestTimeEpoch),
			Limit:   buffered(),
		},
		answer: func(r *trigger.Response) (any, error) {
			body, encoded := r.Text()
			return events.APIGatewayProxyResponse{
				StatusCode: r.Status, MultiValueHeaders: multiple(r.Header), Body: body, IsBase64Encoded: encoded,
			}, nil
		},
	}
}

// proxyCaller finds who calls: by IAM, a Cognito or JWT authorizer, a Lambda
// authorizer or a client certificate. An API key says which plan pays, not who
// calls.
func (h *HTTP) proxyCaller(about *events.APIGatewayProxyRequestContext, principal bool) (string, error) {
	identity, authorizer := &about.Identity, about.Authorizer
	if identity.UserArn != "" && identity.AccountID != "" && identity.Caller != "" {
		if identity.CognitoAuthenticationType == "unauthenticated" {
			return "", errAnonymous // an identity pool's guest, which anyone may be
		}
		return iamName(identity.UserArn, identity.Caller), nil
	}
	if claims, ok := authorizer["claims"].(map[string]any); ok && len(claims) > 0 {
		return tokenCaller(h.Roles, claims)
	}
	if answered(authorizer, principal) {
		return authorizerName(authorizer), nil
	}
	if cert := identity.ClientCert; cert != nil && cert.ClientCertPem != "" {
		return certificateName(cert.SerialNumber), nil
	}
	return "", errAnonymous
}

// answered reports whether a Lambda authorizer has answered, with a principal
// if it must name one.
func answered(authorizer map[string]any, principal bool) bool {
	if name, ok := authorizer["principalId"].(string); ok && name != "" || principal {
		return ok && name != ""
	}
	for name, value := range authorizer {
		if value != nil && name != "claims" && name != "scopes" && name != "principalId" && name != "integrationLatency" {
			return true
		}
	}
	return false
}
