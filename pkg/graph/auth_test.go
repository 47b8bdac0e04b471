package graph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// tokenLog is a token source that remembers what it was asked for.
type tokenLog struct{ rejected, claims []string }

func (r *tokenLog) Token(_ context.Context, rejected, claims string) (string, error) {
	r.rejected, r.claims = append(r.rejected, rejected), append(r.claims, claims)
	return "token " + string(rune('0'+len(r.rejected))), nil
}

func TestARefusedTokenIsReplacedOnceAndAChallengeAnsweredOnce(t *testing.T) {
	refused := answer{status: 401}
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	challenge := answer{status: 401, header: http.Header{"Www-Authenticate": {
		`Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`,
	}}}
	granted := answer{status: 200, body: "7"}
	for name, c := range map[string]struct {
		all    []answer
		tokens int
		fails  bool
	}{
		"granted":                            {[]answer{granted}, 1, false},
		"refused once":                       {[]answer{refused, granted}, 2, false},
		"refused for ever":                   {[]answer{refused}, 2, true},
		"challenged once":                    {[]answer{challenge, granted}, 2, false},
		"challenged for ever":                {[]answer{challenge}, 2, true},
		"refused, then challenged":           {[]answer{refused, challenge, granted}, 3, false},
		"challenged, then refused":           {[]answer{challenge, refused, granted}, 3, false},
		"refused, challenged, and so on":     {[]answer{refused, challenge, refused, challenge, granted}, 3, true},
		"refused again after a server error": {[]answer{refused, {status: 500}, refused, granted}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens, transport := &tokenLog{}, &answers{all: c.all}
				_, err := transport.client(t, graph.Config{Tokens: tokens}).Count(t.Context(), graph.Query{}, new(graph.Stats))
				if (err != nil) != c.fails || len(tokens.rejected) != c.tokens {
					t.Errorf("%d tokens were requested, %v; want %d", len(tokens.rejected), err, c.tokens)
				}
				for i := range len(tokens.rejected) - 1 {
					bearer, got, want := transport.sent[i].Header.Get("Authorization"), tokens.claims[i+1], ""
					if c.all[min(i, len(c.all)-1)].header != nil {
						want = claims
					}
					if c.all[min(i, len(c.all)-1)].status == 401 && ("Bearer "+tokens.rejected[i+1] != bearer || got != want) {
						t.Errorf("%q was refused; the source got %q and the claims %q", bearer, tokens.rejected[i+1], got)
					}
				}
			})
		})
	}
}

func TestAClaimsChallengeIsFoundHoweverItIsWritten(t *testing.T) {
	const claims = `{"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}`
	std := base64.StdEncoding.EncodeToString([]byte(claims))
	raw := base64.RawURLEncoding.EncodeToString([]byte(claims))
	for name, c := range map[string]struct {
		headers []string
		want    string
	}{
		"the documented form": {[]string{`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="` + std + `"`}, claims},
		"first of all":        {[]string{`Bearer claims="` + std + `", error="insufficient_claims"`}, claims},
		"without quotes":      {[]string{`bearer error=insufficient_claims, claims=` + std}, claims},
		"base64url":           {[]string{`Bearer claims="` + raw + `"`}, claims},
		"in a second header":  {[]string{`Negotiate`, `Bearer realm=""`, `Bearer claims="` + std + `"`}, claims},
		"no claims":           {[]string{`Bearer realm="", error="invalid_token"`}, ""},
		"not base64":          {[]string{`Bearer claims="%%%"`}, ""},
		"not JSON":            {[]string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte("hello")) + `"`}, ""},
		"a comma in quotes":   {[]string{`Bearer realm="a,b", claims="` + std + `"`}, claims},
		"no header":           {nil, ""},
		"cut off":             {[]string{`Bearer claims`, `Bearer claims="`}, ""},
	} {
		if got := claimsOf(t, c.headers...); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// claimsOf returns the claims for which a new token is requested when Graph
// refuses one with these headers.
func claimsOf(t *testing.T, headers ...string) string {
	t.Helper()
	tokens := &tokenLog{}
	transport := &answers{all: []answer{{status: 401, header: http.Header{"Www-Authenticate": headers}}, {status: 200, body: "7"}}}
	if _, err := transport.client(t, graph.Config{Tokens: tokens}).Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil || len(tokens.claims) != 2 {
		t.Fatalf("%d tokens were requested, %v", len(tokens.claims), err)
	}
	return tokens.claims[1]
}

func FuzzClaimsChallengeIsJSON(f *testing.F) {
	f.Add(`Bearer claims="e30="`)
	f.Add(`Bearer a=b,,="",claims=`)
	f.Fuzz(func(t *testing.T, value string) {
		if claims := claimsOf(t, value); claims != "" && !json.Valid([]byte(claims)) {
			t.Errorf("%q holds the claims %q", value, claims)
		}
	})
}
