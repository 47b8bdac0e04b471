package trigger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// prefixHeader tells the handler which part of the path is the API's stage.
const prefixHeader = "X-Forwarded-Prefix"

// serveHTTPAPI answers an HTTP API event, payload version 2.0.
func (l *Lambda) serveHTTPAPI(ctx context.Context, raw []byte) (any, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, fail("Request.Invalid", "the event is not an HTTP API event of payload version 2.0")
	}
	w := newRecorder()
	switch r, err := httpAPIRequest(ctx, &event); {
	case err != nil:
		refuse(w, http.StatusBadRequest, "Request.Invalid", err.Error())
	case !l.AllowAnonymous && !verified(event.RequestContext.Authorizer):
		refuse(w, http.StatusUnauthorized, "Request.Unauthorized",
			"the request carries no verified caller; give the route an IAM, JWT or Lambda authorizer")
	default:
		l.Handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK) // where the handler said nothing, as net/http does
	}
	if tooLarge(w) {
		w = newRecorder()
		refuse(w, http.StatusRequestEntityTooLarge, "Response.TooLarge",
			"the page is larger than the 6 MB that Lambda returns; ask for fewer users with $top, or for fewer columns with $select")
	}
	out := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: map[string]string{}, Body: w.body.String()}
	for name, values := range w.header {
		out.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return out, nil
}

// httpAPIRequest makes a request of the event. The path loses the stage, which
// the handler finds in X-Forwarded-Prefix.
func httpAPIRequest(ctx context.Context, event *events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	path, prefix := event.RawPath, ""
	if stage := event.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(path, "/"+stage+"/"); ok {
			path, prefix = "/"+rest, "/"+stage
		}
	}
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil, fmt.Errorf("the path is not properly escaped")
	}
	u.RawQuery = event.RawQueryString
	r := (&http.Request{
		Method: event.RequestContext.HTTP.Method,
		URL:    u,
		Host:   event.RequestContext.DomainName,
		Header: http.Header{},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		RemoteAddr: event.RequestContext.HTTP.SourceIP,
	}).WithContext(ctx)
	for name, value := range event.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Del(prefixHeader)
	if prefix != "" {
		r.Header.Set(prefixHeader, prefix)
	}
	return r, nil
}

// verified reports whether API Gateway has made sure who calls. For a JWT that
// is its claims, for IAM the caller's ARN, for a Lambda authorizer its answer.
func verified(a *events.APIGatewayV2HTTPRequestContextAuthorizerDescription) bool {
	return a != nil && (a.IAM != nil && a.IAM.UserARN != "" || a.JWT != nil && len(a.JWT.Claims) > 0 || len(a.Lambda) > 0)
}

// tooLarge reports whether the response, as a JSON string in a JSON object, is
// beyond what Lambda returns.
func tooLarge(w *recorder) bool {
	if w.body.Len() <= maxResponse/6 {
		return false // even if every byte becomes a \u00XX escape
	}
	escaped, err := json.Marshal(w.body.String())
	return err != nil || len(escaped) > maxResponse
}

// refuse answers without asking the handler, in the same envelope.
func refuse(w *recorder, status int, code, message string) {
	body, err := json.Marshal(map[string]map[string]string{"error": {"code": code, "message": message}})
	if err != nil {
		body = []byte(strconv.Quote(message))
	}
	w.header.Set("Content-Type", "application/json")
	w.header.Set("Cache-Control", "no-store")
	w.header.Set(errorHeader, code)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
