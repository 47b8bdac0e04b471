package graph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// tokenLog is a token source that replaces its token where that was refused, and
// remembers what it was asked for.
type tokenLog struct {
	issued           int
	rejected, claims []string
}

func (r *tokenLog) Token(_ context.Context, rejected, claims string) (string, error) {
	if r.issued == 0 || rejected != "" {
		r.issued++
	}
	if rejected != "" {
		r.rejected, r.claims = append(r.rejected, rejected), append(r.claims, claims)
	}
	return fmt.Sprint(r.issued), nil
}

func TestARefusedTokenIsSentOnceMoreAndReplacedTwice(t *testing.T) {
	refused := answer{status: 401}
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	challenge := answer{status: 401, header: http.Header{"Www-Authenticate": {
		`Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`,
	}}}
	granted := answer{status: 200, body: "7"}
	for name, c := range map[string]struct {
		all   []answer
		sent  string // the tokens, in order
		fails bool
	}{
		"granted":                                {[]answer{granted}, "1", false},
		"refused by mistake":                     {[]answer{refused, granted}, "1 1", false},
		"revoked":                                {[]answer{refused, refused, granted}, "1 1 2", false},
		"revoked, and the new one by mistake":    {[]answer{refused, refused, refused, granted}, "1 1 2 2", false},
		"revoked twice":                          {[]answer{refused, refused, refused, refused, granted}, "1 1 2 2 3", false},
		"refused for ever":                       {[]answer{refused}, "1 1 2 2 3 3", true},
		"challenged":                             {[]answer{challenge, granted}, "1 2", false},
		"challenged twice":                       {[]answer{challenge, challenge, granted}, "1 2 3", false},
		"challenged for ever":                    {[]answer{challenge}, "1 2 3", true},
		"refused, then challenged":               {[]answer{refused, challenge, granted}, "1 1 2", false},
		"challenged, then refused":               {[]answer{challenge, refused, refused, granted}, "1 2 2 3", false},
		"challenged and refused for ever":        {[]answer{challenge, challenge, refused}, "1 2 3 3 4 4 5 5", true},
		"refused for ever after a server error":  {[]answer{refused, refused, {status: 500}, refused}, "1 1 2 2 2 3 3", true},
		"refused by mistake after another error": {[]answer{{status: 500}, refused, granted}, "1 1 1", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens, transport := &tokenLog{}, &answers{all: c.all}
				_, err := transport.client(t, graph.Config{Tokens: tokens}).Count(t.Context(), graph.Query{}, new(graph.Stats))
				var sent []string
				for _, r := range transport.sent {
					sent = append(sent, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
				}
				if got := strings.Join(sent, " "); (err != nil) != c.fails || got != c.sent {
					t.Errorf("the tokens %s were sent, %v; want %s", got, err, c.sent)
				}
				for i, rejected := range tokens.rejected {
					last := slices.Index(sent, fmt.Sprint(i+2)) - 1
					if last < 0 || rejected != sent[last] || (tokens.claims[i] == claims) != (c.all[min(last, len(c.all)-1)].header != nil) {
						t.Errorf("the source was told that %q is rejected, with the claims %q", rejected, tokens.claims[i])
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
func claimsOf(t *testing.T, headers ...string) (claims string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { claims = claimsWithin(t, headers...) })
	return claims
}

func claimsWithin(t *testing.T, headers ...string) string {
	t.Helper()
	tokens := &tokenLog{}
	transport := &answers{all: []answer{{status: 401, header: http.Header{"Www-Authenticate": headers}}, {status: 200, body: "7"}}}
	if _, err := transport.client(t, graph.Config{Tokens: tokens}).Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil || len(transport.sent) != 2 {
		t.Fatalf("%d requests, %v", len(transport.sent), err)
	}
	if len(tokens.claims) == 0 {
		return ""
	}
	return tokens.claims[0]
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
