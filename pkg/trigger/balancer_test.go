package trigger

import (
	"crypto/elliptic"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestALoadBalancersHostIsNoHeader(t *testing.T) {
	l := &Lambda{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
func TestWhetherTheCallerCameByTLSIsTheLoadBalancersToSay(t *testing.T) {
	l := &Lambda{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(strings.Join(r.Header.Values(protoHeader), ",")))
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

func TestASignatureWithMoreBehindItIsWrong(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	good := sign(t, key, tokenHeader(nil), []byte(`{"sub":"x"}`))
	parsed, err := parseToken(good)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndexByte(good, '.') + 1
	for name, signature := range map[string][]byte{
		"a byte behind":    append(parsed.signature[:64:64], 0),
		"a byte in front":  append([]byte{0}, parsed.signature...),
		"twice":            append(parsed.signature[:64:64], parsed.signature...),
		"nothing":          nil,
		"r alone":          parsed.signature[:32],
		"r and s swapped":  append(parsed.signature[32:64:64], parsed.signature[:32]...),
		"all bits are set": []byte(strings.Repeat("\xff", 64)),
	} {
		l := &Lambda{Handler: http.HandlerFunc(whoami), Keys: &publisher{keys: map[string]string{keyURL: public}}}
		if got := askALB(t, l, good[:at]+part(signature)); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
}

func TestAnAuthorizersOwnMembersAreNoAnswerOfIts(t *testing.T) {
	for _, authorizer := range []members{
		{"claims": members{}},
		{"claims": members{}, "scopes": []string{}},
		{"principalId": ""},
		{"principalId": 1},
		{"integrationLatency": 3},
		{"scopes": []string{"users.read"}},
		{"claims": "text"},
	} {
		l := &Lambda{Handler: http.HandlerFunc(whoami)}
		if got := answerOf(t, invoke(t, l, edited(t, "httpapi1", authorizer, "requestContext", "authorizer"))); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v: %d %s", authorizer, got.StatusCode, got.Body)
		}
	}
}

func TestAnAuthorizersRequestIsNotAnswered(t *testing.T) {
	l := &Lambda{AllowAnonymous: true, Handler: http.HandlerFunc(whoami)}
	for _, member := range []string{"methodArn", "routeArn"} {
		for _, name := range []string{"rest", "httpapi", "httpapi1"} {
			out, err := l.Invoke(t.Context(), edited(t, name, "arn:aws:execute-api:eu-west-1:111122223333:abc/prod/GET/users", member))
			if err == nil {
				t.Errorf("%s with %s: %v", name, member, out)
			}
		}
	}
}
