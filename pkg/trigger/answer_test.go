package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func TestAnAuthorizerThatSaysNothingIsNoCaller(t *testing.T) {
	event := httpEvent(func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.Authorizer = nil })
	for _, authorizer := range []string{`{"lambda":{}}`, `{"lambda":null}`, `{"jwt":{"claims":{}}}`, `{"iam":{"userArn":""}}`, `{}`, `null`} {
		raw := strings.Replace(string(event), `"requestContext":{`, `"requestContext":{"authorizer":`+authorizer+`,`, 1)
		got := invokeHTTP(t, Lambda{Handler: http.HandlerFunc(echo)}, json.RawMessage(raw))
		if got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", authorizer, got.StatusCode)
		}
	}
}

func TestARefusalIsToldLikeAnyOtherError(t *testing.T) {
	event := httpEvent(func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.Authorizer = nil })
	got := invokeHTTP(t, Lambda{Handler: http.HandlerFunc(echo)}, event)
	if got.Headers["cache-control"] != "no-store" || got.Headers[strings.ToLower(errorHeader)] != "Request.Unauthorized" || !strings.Contains(got.Body, `"code":"Request.Unauthorized"`) {
		t.Errorf("%v %s", got.Headers, got.Body)
	}
}

func TestAPathUnderTheDefaultStagesNameKeepsIt(t *testing.T) {
	event := httpEvent(func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/$default/users" })
	if got := invokeHTTP(t, Lambda{Handler: http.HandlerFunc(echo)}, event); !strings.Contains(got.Body, `"path":"/$default/users"`) {
		t.Errorf("%s", got.Body)
	}
}

func TestAHandlerThatSaysNothingAnswers200(t *testing.T) {
	l := Lambda{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	if got := invokeHTTP(t, l, httpEvent(nil)); got.StatusCode != http.StatusOK {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestAPageTooLargeForADirectInvocationIsAnErrorByName(t *testing.T) {
	l := Lambda{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`"` + strings.Repeat("a", maxResponse) + `"`))
	})}
	_, err := l.Invoke(t.Context(), json.RawMessage(`{}`))
	var named messages.InvokeResponse_Error
	if !errors.As(err, &named) || named.Type != "Response.TooLarge" {
		t.Errorf("error %.200v", err)
	}
}

func TestANegativeTopIsHandedOnToBeRefused(t *testing.T) {
	q, err := invocationQuery([]byte(`{"top":-5}`))
	if err != nil || q.Get("$top") != "-5" {
		t.Errorf("%v, %v: the whole page would be read instead", q, err)
	}
}

func TestTheInvocationsIDReachesTheContext(t *testing.T) {
	type key struct{}
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
	var seen any
	l := Lambda{
		Handler:  http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Context().Value(key{}) }),
		Annotate: func(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) },
	}
	if _, err := l.Invoke(ctx, httpEvent(nil)); err != nil || seen != "r-1" {
		t.Errorf("the handler sees %v, %v", seen, err)
	}
}
