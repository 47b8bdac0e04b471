package lambda_test

import (
	"encoding/json"
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
