package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"
)

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Method", r.Method)
	w.Header().Set("X-Caller-Header", r.Header.Get("X-Caller"))
	w.Header().Set("X-Prefix-Seen", r.Header.Get(prefixHeader))
	_, _ = fmt.Fprintf(w, `{"host":%q,"path":%q,"query":%q}`, r.Host, r.URL.EscapedPath(), r.URL.RawQuery)
}

func httpEvent(change func(*events.APIGatewayV2HTTPRequest)) json.RawMessage {
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "GET /users", RawPath: "/users", RawQueryString: "$top=5&$select=id%2Cmail",
		Headers: map[string]string{"host": "abc.execute-api.eu-west-1.amazonaws.com", "x-caller": "one,two"},
	}
	e.RequestContext.HTTP.Method = http.MethodGet
	e.RequestContext.DomainName = "abc.execute-api.eu-west-1.amazonaws.com"
	e.RequestContext.Stage = "$default"
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": "platform"}},
	}
	if change != nil {
		change(&e)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return raw
}

func invokeHTTP(t *testing.T, l Lambda, event json.RawMessage) events.APIGatewayV2HTTPResponse {
	t.Helper()
	out, err := l.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	response, ok := out.(events.APIGatewayV2HTTPResponse)
	if !ok {
		t.Fatalf("the answer is a %T", out)
	}
	return response
}

func TestAnHTTPAPIEventBecomesARequest(t *testing.T) {
	l := Lambda{Handler: http.HandlerFunc(echo)}
	for name, c := range map[string]struct {
		change func(*events.APIGatewayV2HTTPRequest)
		body   string
		prefix string
	}{
		"the default stage": {nil, `{"host":"abc.execute-api.eu-west-1.amazonaws.com","path":"/users","query":"$top=5&$select=id%2Cmail"}`, ""},
		"a named stage": {func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.Stage, e.RawPath = "prod", "/prod/users" },
			`{"host":"abc.execute-api.eu-west-1.amazonaws.com","path":"/users","query":"$top=5&$select=id%2Cmail"}`, "/prod"},
		"a named stage behind a domain of one's own": {func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.Stage = "prod" },
			`{"host":"abc.execute-api.eu-west-1.amazonaws.com","path":"/users","query":"$top=5&$select=id%2Cmail"}`, ""},
		"a forged prefix": {func(e *events.APIGatewayV2HTTPRequest) { e.Headers["x-forwarded-prefix"] = "//evil.example" },
			`{"host":"abc.execute-api.eu-west-1.amazonaws.com","path":"/users","query":"$top=5&$select=id%2Cmail"}`, ""},
		"an escaped path": {func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/users/a%2fb" },
			`{"host":"abc.execute-api.eu-west-1.amazonaws.com","path":"/users/a%2fb","query":"$top=5&$select=id%2Cmail"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := invokeHTTP(t, l, httpEvent(c.change))
			want := events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: c.body, Headers: map[string]string{
				"x-method": "GET", "x-caller-header": "one,two", "x-prefix-seen": c.prefix,
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestAnHTTPEventWithoutAVerifiedCallerIs401(t *testing.T) {
	type authorizer = events.APIGatewayV2HTTPRequestContextAuthorizerDescription
	for name, c := range map[string]struct {
		by       *authorizer
		verified bool
	}{
		"nobody":                       {nil, false},
		"an empty authorizer":          {&authorizer{}, false},
		"a JWT without claims":         {&authorizer{JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{}}, false},
		"a JWT":                        {&authorizer{JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": "x"}}}, true},
		"IAM":                          {&authorizer{IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::1:role/x"}}, true},
		"IAM without a name":           {&authorizer{IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{}}, false},
		"a Lambda authorizer's answer": {&authorizer{Lambda: map[string]any{"user": "x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			event := httpEvent(func(e *events.APIGatewayV2HTTPRequest) {
				e.RequestContext.Authorizer = c.by
				e.Headers["authorization"] = "Bearer something"
			})
			want := http.StatusUnauthorized
			if c.verified {
				want = http.StatusOK
			}
			if got := invokeHTTP(t, Lambda{Handler: http.HandlerFunc(echo)}, event); got.StatusCode != want {
				t.Errorf("status %d, want %d: %s", got.StatusCode, want, got.Body)
			}
			if got := invokeHTTP(t, Lambda{Handler: http.HandlerFunc(echo), AllowAnonymous: true}, event); got.StatusCode != http.StatusOK {
				t.Errorf("with anonymous callers allowed: %d", got.StatusCode)
			}
		})
	}
}

func TestABodyThatLambdaCannotReturnIs413(t *testing.T) {
	sizes := func(char string, n int) Lambda {
		return Lambda{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat(char, n))) })}
	}
	for name, c := range map[string]struct {
		l    Lambda
		want int
	}{
		"just under the limit":            {sizes("a", maxResponse-10), 200},
		"just over the limit":             {sizes("a", maxResponse+1), 413},
		"quotes that double":              {sizes(`"`, maxResponse/2+1), 413},
		"characters that become six":      {sizes("<", maxResponse/6+1), 413},
		"many characters that become six": {sizes("\u2028", maxResponse/6-100), 200},
	} {
		t.Run(name, func(t *testing.T) {
			got := invokeHTTP(t, c.l, httpEvent(nil))
			if got.StatusCode != c.want {
				t.Fatalf("status %d, want %d", got.StatusCode, c.want)
			}
			raw, err := json.Marshal(got)
			if err != nil || len(raw) > 6*1024*1024 {
				t.Errorf("the response is %d bytes, %v", len(raw), err)
			}
		})
	}
}

func TestADirectInvocationGetsThePageItself(t *testing.T) {
	l := Lambda{Handler: http.HandlerFunc(echo)}
	for event, query := range map[string]string{
		`{}`: "",
		`{"select":["id","displayName"],"top":5,"skiptoken":"RFNw+/="}`: "%24select=id%2CdisplayName&%24skiptoken=RFNw%2B%2F%3D&%24top=5",
	} {
		out, err := l.Invoke(t.Context(), json.RawMessage(event))
		if err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		raw, ok := out.(json.RawMessage)
		if !ok || string(raw) != fmt.Sprintf(`{"host":"","path":"/users","query":%q}`, query) {
			t.Errorf("%s: %s", event, raw)
		}
	}
}

func TestWhatIsNoRequestIsRefusedWithoutQuotingIt(t *testing.T) {
	for event, says := range map[string]string{
		`{"selct":["canary"]}`: `unknown member "selct"`,
		`{"select":"canary"}`:  "member select",
		`{"top":"canary"}`:     "member top",
		`["canary"]`:           "not a JSON object",
		`"canary"`:             "not a JSON object",
		`{"Records":[{"eventSource":"aws:sqs"}]}`:       `unknown member "Records"`,
		`{"detail-type":"Scheduled Event","detail":{}}`: `unknown member "detail`,
	} {
		_, err := (&Lambda{Handler: http.HandlerFunc(echo)}).Invoke(t.Context(), json.RawMessage(event))
		var named messages.InvokeResponse_Error
		if !errors.As(err, &named) || named.Type != "Request.Invalid" || !strings.Contains(named.Message, says) || strings.Contains(named.Message, "canary") {
			t.Errorf("%s: %v", event, err)
		}
	}
}

func TestAFailedInvocationIsAnErrorWithThePublicName(t *testing.T) {
	l := Lambda{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(errorHeader, "Graph.Throttled")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error":{"code":"Graph.Throttled","message":"try again in 7s"}}`))
	})}
	out, err := l.Invoke(t.Context(), json.RawMessage(`{}`))
	want := messages.InvokeResponse_Error{Type: "Graph.Throttled", Message: "try again in 7s"}
	if out != nil || !cmp.Equal(err, error(want)) {
		t.Errorf("%v, %v", out, err)
	}
}

func TestTimeIsKeptToSayWhyItFailed(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	var given time.Time
	l := Lambda{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { given, _ = r.Context().Deadline() })}
	if _, err := l.Invoke(ctx, httpEvent(nil)); err != nil {
		t.Fatal(err)
	}
	if left := deadline.Sub(given); left != margin {
		t.Errorf("the handler's deadline is %v before Lambda's, want %v", left, margin)
	}
}

func FuzzInvokeNeverPanics(f *testing.F) {
	f.Add([]byte(httpEvent(nil)))
	f.Add([]byte(`{"select":["id"],"top":1}`))
	f.Add([]byte(`{"version":"2.0","requestContext":{"http":{}}}`))
	l := Lambda{Handler: http.HandlerFunc(echo), AllowAnonymous: true}
	f.Fuzz(func(t *testing.T, event []byte) {
		_, _ = l.Invoke(t.Context(), event)
	})
}
