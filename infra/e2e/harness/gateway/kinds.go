package gateway

import (
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	buffered = 6 << 20           // Lambda's limit, whatever is in front
	balanced = 1 << 20           // a load balancer's
	streamed = 200 * 1000 * 1000 // Lambda's for a stream

	apiHost = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
	urlHost = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws"
	albHost = "users-1316758055.eu-west-1.elb.amazonaws.com"
	stage   = "prod"

	account   = "111122223333"
	callerARN = "arn:aws:sts::111122223333:assumed-role/reporting/nightly"
	callerID  = "AROAEXAMPLEEXAMPLEID:nightly"
)

// Kinds returns every trigger that speaks HTTP.
func Kinds() []Kind {
	return []Kind{
		{Name: "REST API", Base: "https://" + apiHost + "/" + stage, Largest: buffered, textOnly: true, event: rest},
		{Name: "REST API with binary media types", Base: "https://" + apiHost + "/" + stage, Largest: buffered, Compresses: true, event: binaryREST},
		{Name: "REST API that streams", Base: "https://" + apiHost + "/" + stage, Largest: streamed, Streams: true, Compresses: true, event: rest},
		{Name: "HTTP API of payload version 1.0", Base: "https://" + apiHost + "/" + stage, Largest: buffered, Compresses: true, event: httpAPI1},
		HTTPAPI(),
		{Name: "Function URL", Base: "https://" + urlHost, Largest: buffered, Compresses: true, event: functionURL},
		FunctionURL(),
		{Name: "load balancer", Base: "https://" + albHost, Largest: balanced, VerifiesNobody: true, Compresses: true, event: balancer},
		{Name: "load balancer with multi-value headers", Base: "https://" + albHost, Largest: balanced, VerifiesNobody: true, Compresses: true, event: multiBalancer},
	}
}

// HTTPAPI is an HTTP API of payload version 2.0 with a JWT authorizer and the
// stage $default. It has no stage in its path and no host name of its own, so
// that a client can be pointed at the Server's URL.
func HTTPAPI() Kind {
	return Kind{Name: "HTTP API of payload version 2.0", Base: "https://" + apiHost, Largest: buffered, Compresses: true, event: httpAPI2}
}

// FunctionURL is a Function URL that streams.
func FunctionURL() Kind {
	return Kind{Name: "Function URL that streams", Base: "https://" + urlHost, Largest: streamed, Streams: true, Compresses: true, event: functionURL}
}

func verified(r *http.Request) bool { return r.Header.Get("Authorization") != "" }

// sent is the path as the caller sent it, less what the base has.
func sent(r *http.Request, base string) string { return strings.TrimPrefix(r.URL.EscapedPath(), base) }

// oneValue is the header of a trigger that has one value a name.
func oneValue(r *http.Request, name func(string) string) map[string]string {
	out := map[string]string{name("Host"): r.Host, name("X-Forwarded-Proto"): "https"}
	for key, values := range r.Header {
		out[name(key)] = strings.Join(values, ",")
	}
	return out
}

// everyValue is the header of a trigger that has several values a name.
func everyValue(r *http.Request, name func(string) string) map[string][]string {
	out := map[string][]string{name("Host"): {r.Host}, name("X-Forwarded-Proto"): {"https"}}
	for key, values := range r.Header {
		out[name(key)] = values
	}
	return out
}

// lastValue is the header of a load balancer that has one value a name: of several
// the last one.
func lastValue(r *http.Request, name func(string) string) map[string]string {
	out := oneValue(r, name)
	for key, values := range r.Header {
		out[name(key)] = values[len(values)-1]
	}
	return out
}

func asIs(name string) string { return name }

// lastOf is the query of a trigger that has one value an option.
func lastOf(values url.Values) map[string]string {
	out := map[string]string{}
	for name, all := range values {
		out[name] = all[len(all)-1]
	}
	return out
}

// rest: the path is escaped as it was sent, the query is not.
func rest(r *http.Request) any { return restRequest(r) }

// binaryREST: */* is among the binary media types, and the stage says so to the
// function.
func binaryREST(r *http.Request) any {
	event := restRequest(r)
	event.StageVariables = map[string]string{"compression": "gzip"}
	return event
}

func restRequest(r *http.Request) events.APIGatewayProxyRequest {
	path := sent(r, "/"+stage)
	event := proxy(r, path, "/"+stage+path, strings.TrimPrefix(path, "/"))
	if verified(r) {
		event.RequestContext.Identity.AccountID = account
		event.RequestContext.Identity.Caller = callerID
		event.RequestContext.Identity.UserArn = callerARN
	}
	return event
}

// httpAPI1: the path is unescaped and has the stage.
func httpAPI1(r *http.Request) any {
	inner := strings.TrimPrefix(r.URL.Path, "/"+stage+"/")
	event := proxy(r, r.URL.Path, r.URL.Path, inner)
	if verified(r) {
		event.RequestContext.Authorizer = map[string]any{"claims": map[string]string{"sub": "reporting"}, "scopes": nil}
	}
	return struct {
		Version string `json:"version"`
		events.APIGatewayProxyRequest
	}{"1.0", event}
}

func proxy(r *http.Request, path, whole, inner string) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		Resource: "/{proxy+}", Path: path, HTTPMethod: r.Method,
		Headers: oneValue(r, asIs), MultiValueHeaders: everyValue(r, asIs),
		QueryStringParameters: lastOf(r.URL.Query()), MultiValueQueryStringParameters: r.URL.Query(),
		PathParameters: map[string]string{"proxy": inner},
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: account, APIID: "a1b2c3d4e5", Stage: stage, ResourcePath: "/{proxy+}", Path: whole,
			HTTPMethod: r.Method, Protocol: "HTTP/1.1", DomainName: r.Host, RequestID: "e2e",
			RequestTimeEpoch: time.Now().UnixMilli(),
		},
	}
}

// httpAPI2: the path is unescaped, the query is as it was sent.
func httpAPI2(r *http.Request) any {
	event := version2(r, r.URL.Path)
	event.RouteKey, event.RequestContext.RouteKey = "ANY /{proxy+}", "ANY /{proxy+}"
	event.PathParameters = map[string]string{"proxy": strings.TrimPrefix(r.URL.Path, "/")}
	if verified(r) {
		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": "reporting"}},
		}
	}
	return event
}

// functionURL: path and query are as they were sent.
func functionURL(r *http.Request) any {
	event := version2(r, r.URL.EscapedPath())
	event.RouteKey, event.RequestContext.RouteKey = "$default", "$default"
	if verified(r) {
		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
				AccountID: account, CallerID: callerID, UserARN: callerARN,
			},
		}
	}
	return event
}

func version2(r *http.Request, path string) events.APIGatewayV2HTTPRequest {
	body, encoded := bodyOf(r)
	return events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: path, RawQueryString: r.URL.RawQuery, Headers: oneValue(r, strings.ToLower), Body: body, IsBase64Encoded: encoded,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			AccountID: account, APIID: "a1b2c3d4e5", Stage: "$default", DomainName: r.Host, RequestID: "e2e",
			TimeEpoch: time.Now().UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.10",
			},
		},
	}
}

// bodyOf is the body of a request: text as it is, if its Content-Type says that it is one,
// and anything else in base64.
func bodyOf(r *http.Request) (body string, encoded bool) {
	raw, err := io.ReadAll(r.Body)
	if err != nil || len(raw) == 0 {
		return "", false
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("Content-Encoding") != "":
	case strings.HasPrefix(kind, "text/"), kind == "application/json", kind == "application/xml", kind == "application/javascript":
		return string(raw), false
	}
	return base64.StdEncoding.EncodeToString(raw), true
}

// balancer: path and query are as they were sent.
func balancer(r *http.Request) any {
	event := balance(r)
	event.Headers = lastValue(r, strings.ToLower)
	event.QueryStringParameters = lastOf(event.MultiValueQueryStringParameters)
	event.MultiValueQueryStringParameters = nil
	return event
}

func multiBalancer(r *http.Request) any {
	event := balance(r)
	event.MultiValueHeaders = everyValue(r, strings.ToLower)
	return event
}

func balance(r *http.Request) events.ALBTargetGroupRequest {
	query := map[string][]string{}
	for option := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if name, value, _ := strings.Cut(option, "="); name != "" {
			query[name] = append(query[name], value)
		}
	}
	return events.ALBTargetGroupRequest{
		HTTPMethod: r.Method, Path: r.URL.EscapedPath(), MultiValueQueryStringParameters: query,
		RequestContext: events.ALBTargetGroupRequestContext{ELB: events.ELBContext{
			TargetGroupArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/users/4efa1ab384b3474d",
		}},
	}
}
