package trigger

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// restPatience is how long a REST API waits for a buffered answer, unless its
// quota was raised, which the event does not tell.
const restPatience = 29 * time.Second

// receiveREST takes a request of a REST API (payload of the Lambda proxy
// integration). Its path is escaped as the caller sent it and lacks the stage
// (requestContext.path has it), but not the base path of a custom domain. Query
// options are decoded. A compressed body would reach the caller only if the API
// lists its type among its binary media types, which the event does not tell.
func receiveREST(raw []byte) (*exchange, error) {
	var event events.APIGatewayProxyRequest
	if err := decode(raw, &event); err != nil {
		return nil, fail("Request.Invalid", "the event is not a REST API event")
	}
	x := receiveProxy(&event, true)
	about := &event.RequestContext
	before, path := mount(event.Path, event.Resource, event.PathParameters, "")
	u, ok := encodedPath(path)
	if !ok {
		x.problem, u = badPath, x.request.URL
	}
	u.RawQuery = encodeQuery(event.MultiValueQueryStringParameters, event.QueryStringParameters)
	x.request.URL = u
	if x.prefix, ok = strings.CutSuffix(about.Path, path); !ok {
		x.prefix = before
	}
	x.stream = func(status int, header http.Header, body io.ReadCloser) any {
		return &events.APIGatewayProxyStreamingResponse{StatusCode: status, MultiValueHeaders: multiple(header), Body: body}
	}
	x.patience = restPatience
	return x, nil
}

// receiveProxy takes what REST APIs and HTTP APIs of payload version 1.0 have in
// common: nearly all but the path. A REST API's Lambda authorizer must name a
// principal; of an HTTP API's only the context it returned may be known.
func receiveProxy(event *events.APIGatewayProxyRequest, principal bool) *exchange {
	header := allValues(event.MultiValueHeaders, event.Headers)
	u, _ := decodedPath("/")
	return &exchange{
		request: newRequest(event.HTTPMethod, event.RequestContext.DomainName, u, header),
		caller:  func(context.Context) (string, error) { return proxyCaller(&event.RequestContext, principal) },
		began:   time.UnixMilli(event.RequestContext.RequestTimeEpoch),
		limit:   maxResponse,
		advice:  adviceHTTP,
		answer: func(w *recorder) (any, error) {
			body, encoded := w.text()
			return events.APIGatewayProxyResponse{
				StatusCode: w.status, MultiValueHeaders: multiple(w.header), Body: body, IsBase64Encoded: encoded,
			}, nil
		},
	}
}

// proxyCaller finds who calls: by IAM, a Cognito or JWT authorizer, a Lambda
// authorizer or a client certificate. An API key tells which plan pays and not
// who calls.
func proxyCaller(about *events.APIGatewayProxyRequestContext, principal bool) (string, error) {
	identity, authorizer := &about.Identity, about.Authorizer
	if identity.UserArn != "" && identity.AccountID != "" && identity.Caller != "" {
		if identity.CognitoAuthenticationType == "unauthenticated" {
			return "", errAnonymous // an identity pool's guest, which anyone may be
		}
		return iamName(identity.UserArn, identity.Caller), nil
	}
	if claims, ok := authorizer["claims"].(map[string]any); ok && len(claims) > 0 {
		return claimsName(textOf(claims)), nil
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
// where it must name one.
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
