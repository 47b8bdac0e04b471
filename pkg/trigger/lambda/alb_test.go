package lambda_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func TestTheHostOfALoadBalancersRequestIsNotAHeader(t *testing.T) {
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode([]string{r.Host, strings.Join(r.Header.Values("Host"), ",")})
	})}
	for _, name := range []string{"alb", "alb-multi"} {
		var got []string
		if err := json.Unmarshal([]byte(answerOf(t, invoke(t, l, event(t, name))).Body), &got); err != nil || got[0] == "" || got[1] != "" {
			t.Errorf("%s: host %q, header %q (%v)", name, got[0], got[1], err)
		}
	}
}

// A load balancer adds its own value behind what the caller sent.
func TestOnlyTheLoadBalancerSaysWhetherTheCallerUsedTLS(t *testing.T) {
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(strings.Join(r.Header.Values(header.Proto), ",")))
	})}
	for _, c := range []struct {
		sent []string
		want string
	}{
		{[]string{"http"}, "http"}, {[]string{"https"}, ""}, {[]string{"http", "https"}, ""}, {[]string{"https", "http"}, "http"}, {nil, ""},
	} {
		e := edited(t, "alb-multi", c.sent, "multiValueHeaders", "x-forwarded-proto")
		if got := answerOf(t, invoke(t, l, e)).Body; got != c.want {
			t.Errorf("%v: %q, want %q", c.sent, got, c.want)
		}
	}
}

func TestALoadBalancersHealthCheckIsAnsweredWithoutACallerOrTheHandler(t *testing.T) {
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler is called") })
	// As the documentation of Elastic Load Balancing has it, with one value a header and with many.
	const elb = `"requestContext":{"elb":{"targetGroupArn":"arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/users/4efa1ab384b3474d"}},"body":"","isBase64Encoded":false`
	var checks []json.RawMessage
	for _, path := range []string{"/", "/health", "/users", "/users?$format=ndjson", "/%zz", ""} {
		for _, method := range []string{"GET", "HEAD"} {
			checks = append(checks,
				json.RawMessage(`{`+elb+`,"httpMethod":"`+method+`","path":"`+path+`","queryStringParameters":{},"headers":{"user-agent":"ELB-HealthChecker/2.0"}}`),
				json.RawMessage(`{`+elb+`,"httpMethod":"`+method+`","path":"`+path+`","multiValueHeaders":{"user-agent":["ELB-HealthChecker/2.0"]}}`))
		}
	}
	for _, check := range checks {
		for _, stream := range []bool{false, true} {
			got := answerOf(t, invoke(t, &lambda.HTTP{Handler: handler, Stream: stream}, check))
			if got.StatusCode != http.StatusOK || got.Body != "" || got.StatusDescription != "200 OK" || (got.Headers == nil) == (got.MultiValueHeaders == nil) {
				t.Errorf("%s: %+v", check, got)
			}
		}
	}
	var log bytes.Buffer
	broken := &lambda.HTTP{Handler: handler, AllowAnonymous: true, Log: textLog(&log)}
	lambda.Fail(broken, errors.New("ROLLCALL_SELEKT is not a variable"))
	if got := answerOf(t, invoke(t, broken, checks[0])); got.StatusCode != http.StatusInternalServerError {
		t.Errorf("a function that cannot start is healthy: %+v", got)
	}
}

func TestOnlyALoadBalancerChecksHealth(t *testing.T) {
	for _, name := range triggers() {
		e := edit(t, event(t, name), nil, "requestContext", "authorizer")
		e = edit(t, e, nil, "requestContext", "identity")
		e = edit(t, e, nil, "requestContext", "authentication")
		agent, balanced := "ELB-HealthChecker/2.0", strings.HasPrefix(name, "alb")
		if strings.Contains(string(e), "multiValueHeaders") {
			e = edit(t, e, []string{agent}, "multiValueHeaders", "user-agent")
		} else {
			e = edit(t, e, agent, "headers", "user-agent")
		}
		if got := answerOf(t, invoke(t, &lambda.HTTP{Handler: http.HandlerFunc(whoami)}, e)); (got.StatusCode == http.StatusOK) != balanced || got.StatusCode != http.StatusOK && got.StatusCode != http.StatusUnauthorized || balanced && got.Body != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
