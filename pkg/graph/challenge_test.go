package graph

import (
	"encoding/base64"
	"net/http"
	"testing"
)

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
		if got := claimsChallenge(http.Header{"Www-Authenticate": c.headers}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzClaimsChallengeNeverPanics(f *testing.F) {
	f.Add(`Bearer claims="e30="`)
	f.Add(`Bearer a=b,,="",claims=`)
	f.Fuzz(func(_ *testing.T, value string) {
		claimsChallenge(http.Header{"Www-Authenticate": {value}})
	})
}
