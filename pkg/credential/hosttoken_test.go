package credential_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheTokenOfAManagedIdentityIsKeptUntilHalfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := &recorder{to: hosting().Transport()}
		c := identified(t, "", functions(t), asked)
		first := mustToken(t, c, "", "")
		time.Sleep(11 * time.Hour)
		if again := mustToken(t, c, "", ""); again != first || len(asked.requests) != 1 {
			t.Errorf("asked %d times within half the life", len(asked.requests))
		}
		time.Sleep(2 * time.Hour)
		mustToken(t, c, "", "")
		if len(asked.requests) != 2 {
			t.Errorf("asked %d times after half the life, want 2", len(asked.requests))
		}
		time.Sleep(24 * time.Hour)
		if later := mustToken(t, c, "", ""); later == first {
			t.Error("a token that has ended is handed out")
		}
	})
}

func TestATokenThatLivesIsUsedWhileNoNewOneIsToBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, down, failures := hosting(), false, 0
		c := identified(t, "", functions(t), roundTrip(func(req *http.Request) (*http.Response, error) {
			if down {
				failures++
				return nil, syscall.ECONNREFUSED
			}
			return tenant.Transport().RoundTrip(req)
		}))
		first := mustToken(t, c, "", "")
		time.Sleep(13 * time.Hour)
		down = true
		for range 3 {
			if mustToken(t, c, "", "") != first {
				t.Error("another token")
			}
		}
		if failures != 1 {
			t.Errorf("%d attempts within a minute, want 1", failures)
		}
		time.Sleep(11 * time.Hour)
		_, err := c.Token(t.Context(), "", "")
		mustContain(t, wantError(t, err, credential.Unavailable, "Graph.Unavailable").Error(), "the endpoint of the managed identity")
	})
}

func TestARefusedTokenIsNotHandedOutAgain(t *testing.T) {
	tenant := hosting()
	asked := &recorder{to: tenant.Transport()}
	c := identified(t, "", functions(t), asked)
	for _, claims := range []string{"", `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`} {
		first := mustToken(t, c, "", "")
		// The platform keeps its tokens: it can only give the same one.
		_, err := c.Token(t.Context(), first, claims)
		e := wantError(t, err, credential.Rejected, "Credentials.Rejected")
		mustContain(t, e.Error(), "the same one is issued again", "up to a day")
		wantNoCanary(t, e.Error(), first)
		before := len(asked.requests)
		if mustToken(t, c, "", ""); len(asked.requests) == before {
			t.Error("the refused token was kept")
		}
		before = len(asked.requests)
		tenant.ForgetIdentityTokens()
		if second := mustToken(t, c, first, claims); second == first || len(asked.requests) == before {
			t.Errorf("the refused token is given again, after %d requests", len(asked.requests)-before)
		}
	}
	if query := asked.requests[len(asked.requests)-1].URL.RawQuery; strings.Contains(query, "claims") {
		t.Errorf("the endpoint is asked with claims, which it does not know: %s", query)
	}
}

func TestFailuresOfTheEndpointAreNamedAndRetriedWhereThatHelps(t *testing.T) {
	const oneTry = 1
	for name, row := range map[string]struct {
		given given
		kind  credential.Kind
		name  string
		tries int
		want  string
	}{
		"wrong header":      {given{status: 401, body: `{"statusCode":401}`}, credential.Rejected, "Credentials.Rejected", oneTry, "IDENTITY_HEADER"},
		"unknown audience":  {given{status: 400, body: `{"error":"invalid_resource","error_description":"` + canary + `"}`}, credential.Rejected, "Credentials.Rejected", oneTry, "ROLLCALL_CLOUD"},
		"throttled":         {given{status: 429, body: `{}`}, credential.Throttled, "Graph.Throttled", attempts, "throttling"},
		"not yet":           {given{status: 404}, credential.Unavailable, "Graph.Unavailable", attempts, "temporarily unavailable"},
		"gone for a moment": {given{status: 410}, credential.Unavailable, "Graph.Unavailable", attempts, "temporarily unavailable"},
		"broken":            {given{status: 500, body: canary}, credential.Unavailable, "Graph.Unavailable", attempts, "temporarily unavailable"},
		"a redirect":        {given{status: 302, header: []string{"Location", "https://evil.example/" + canary}}, credential.Unavailable, "Graph.Unavailable", oneTry, "never gives"},
		"HTML":              {given{status: 200, body: `<html>` + canary, header: []string{"Content-Type", "text/html"}}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"nothing":           {given{status: 200}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"no token":          {given{status: 200, body: `{"expires_on":"4070908800"}`}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"a number":          {given{status: 200, body: `{"access_token":1,"expires_on":"4070908800"}`}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"a line break":      {given{status: 200, body: issued(canary + `\r\nX: y`)}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"already ended":     {given{status: 200, body: strings.Replace(issued(canary), "4070908800", "1", 1)}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"no end":            {given{status: 200, body: `{"access_token":"` + canary + `"}`}, credential.Unavailable, "Graph.Unavailable", attempts, "holds no token"},
		"too large":         {given{status: 200, body: strings.Repeat(" ", 2<<20)}, credential.Unavailable, "Graph.Unavailable", attempts, "gave no answer"},
		"refused":           {given{err: syscall.ECONNREFUSED}, credential.Unavailable, "Graph.Unavailable", attempts, "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				tries := 0
				c := identified(t, "", functions(t), roundTrip(func(*http.Request) (*http.Response, error) {
					tries++
					if row.given.err != nil {
						return nil, row.given.err
					}
					return answer(row.given.status, row.given.body, row.given.header...), nil
				}), func(cfg *credential.Config) { cfg.Log = slog.New(slog.NewJSONHandler(&logs, nil)) })
				_, err := c.Token(t.Context(), "", "")
				e := wantError(t, err, row.kind, row.name)
				mustContain(t, e.Error(), row.want)
				if tries != row.tries {
					t.Errorf("%d tries, want %d", tries, row.tries)
				}
				wantNoCanary(t, prints(t, e)+prints(t, c)+fmt.Sprint(errors.Unwrap(err))+logs.String(), canary, simulator.IdentityHeader)
			})
		})
	}
}

// given is what the endpoint answers, or why it does not.
type given struct {
	status int
	body   string
	header []string
	err    error
}

func TestAThrottledEndpointIsWaitedForAsItAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault, err := simulator.ParseFault("token-429")
		if err != nil {
			t.Fatal(err)
		}
		tenant := hosting(func(cfg *simulator.Config) { cfg.Faults = []simulator.Fault{fault} })
		start := time.Now()
		mustToken(t, identified(t, "", functions(t), tenant.Transport()), "", "")
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited %v, want a minute", waited)
		}
	})
}

func TestNothingOfATokenOfAManagedIdentityGetsOut(t *testing.T) {
	var logs bytes.Buffer
	tenant := hosting()
	c := identified(t, "", functions(t, "AZURE_CLIENT_ID="+canary), tenant.Transport(), func(cfg *credential.Config) {
		cfg.Log = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	token := mustToken(t, c, "", "")
	_, refused := c.Token(t.Context(), token, "")
	id, err := c.Identity(t.Context())
	if refused == nil || err != nil || logs.Len() == 0 {
		t.Fatalf("%v, %v, %d bytes of logs", refused, err, logs.Len())
	}
	wantNoCanary(t, logs.String()+prints(t, c)+prints(t, id)+prints(t, refused)+c.Grant("User.Read.All"), canary, token, simulator.IdentityHeader)
}

// FuzzTheClaimsOfATokenArePlain has a token claim anything.
func FuzzTheClaimsOfATokenArePlain(f *testing.F) {
	for _, claims := range []string{
		`{"tid":"` + testTenant + `","oid":"` + testClient + `","appid":"` + testClient + `","roles":["User.Read.All"]}`, `{"roles":[1,"a b"],"tid":{}}`, `[]`, `{"tid":"` + canary + `"}`, `{"roles":["a`,
	} {
		f.Add([]byte(claims))
	}
	f.Fuzz(func(t *testing.T, claims []byte) {
		token := tokenOf(string(claims))
		c := identified(t, "", functions(t), roundTrip(func(*http.Request) (*http.Response, error) { return answer(http.StatusOK, issued(token)), nil }))
		if mustToken(t, c, "", "") != token {
			t.Error("another token")
		}
		id, err := c.Identity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range []string{id.TenantID, id.ClientID, id.ObjectID} {
			if one != "" && !guid.Valid(one) {
				t.Errorf("%q is shown", one)
			}
		}
		for _, role := range id.Roles {
			if role == "" || strings.ContainsFunc(role, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Errorf("role %q", role)
			}
		}
	})
}

// FuzzAnAnswerOfTheEndpointIsATokenOrAnErrorThatRepeatsNothing has the endpoint answer
// anything.
func FuzzAnAnswerOfTheEndpointIsATokenOrAnErrorThatRepeatsNothing(f *testing.F) {
	f.Add(200, issued("token-1"))
	f.Add(200, issued(tokenOf(`{"tid":"`+testTenant+`","oid":"`+testClient+`","appid":"`+testClient+`","roles":["User.Read.All"]}`)))
	f.Add(200, `{"access_token":"`+canary+`"}`)
	f.Add(400, `{"statusCode":400,"message":"`+canary+`","correlationId":"`+canary+` x"}`)
	f.Add(400, `{"error":"invalid_resource","correlation_id":"`+canary+`","trace_id":{}}`)
	f.Add(500, canary)
	f.Fuzz(func(t *testing.T, code int, body string) {
		synctest.Test(t, func(t *testing.T) {
			c := identified(t, "", functions(t), roundTrip(func(*http.Request) (*http.Response, error) { return answer(code, body), nil }))
			token, err := c.Token(t.Context(), "", "")
			if (token == "") != (err != nil) || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Errorf("token %q, %v", token, err)
			}
			id, _ := c.Identity(t.Context())
			if text := id.String(); strings.ContainsFunc(text+strings.Join(id.Roles, ""), func(r rune) bool { return r < ' ' || r >= 0x7f }) {
				t.Errorf("identity %q, roles %q", text, id.Roles)
			}
			if err != nil && (!utf8.ValidString(err.Error()) || strings.Contains(err.Error(), canary+" x")) {
				t.Errorf("error %q", err)
			}
		})
	})
}
