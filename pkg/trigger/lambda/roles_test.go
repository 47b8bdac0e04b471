package lambda_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func TestATokenNeedsARoleWhereOneIsAskedFor(t *testing.T) {
	const role = "arn:aws:sts::111122223333:assumed-role/reader/nightly"
	http2 := func(roles any) json.RawMessage {
		return edited(t, "httpapi", members{"jwt": members{"claims": members{"sub": "app", "roles": roles}}}, "requestContext", "authorizer")
	}
	http1 := func(roles any) json.RawMessage {
		return edited(t, "httpapi1", members{"claims": members{"sub": "app", "roles": roles}, "scopes": nil}, "requestContext", "authorizer")
	}
	rest := func(roles any) json.RawMessage {
		return edited(t, "rest-anonymous", members{"claims": members{"sub": "app", "roles": roles}}, "requestContext", "authorizer")
	}
	for name, c := range map[string]struct {
		event   json.RawMessage
		allowed bool
	}{
		"one role, as HTTP APIs write a list":   {http2("[Users.Read.All]"), true},
		"one of several":                        {http2("[Groups.Read Users.Read.All]"), true},
		"the other one that is asked for":       {http2("[Directory.Audit]"), true},
		"a role that is no list":                {http2("Users.Read.All"), true},
		"payload 1.0":                           {http1("[Users.Read.All x]"), true},
		"payload 1.0, a list":                   {http1([]string{"x", "Users.Read.All"}), true},
		"REST, as it writes a list":             {rest("x,Users.Read.All"), true},
		"no roles":                              {http2(nil), false},
		"an empty list":                         {http2("[]"), false},
		"nothing":                               {http2(""), false},
		"another role":                          {http2("[Groups.Read]"), false},
		"another case":                          {http2("[users.read.all]"), false},
		"the beginning of a role":               {http2("[Users.Read]"), false},
		"more than the role":                    {http2("[Users.Read.All.None]"), false},
		"a role inside of another":              {http2("[x:Users.Read.All]"), false},
		"a list of another kind":                {http1([]int{1}), false},
		"an object":                             {http1(members{"Users.Read.All": true}), false},
		"REST: another role":                    {rest("Groups.Read"), false},
		"a scope of the same name":              {edited(t, "httpapi", members{"jwt": members{"claims": members{"sub": "app", "scp": "Users.Read.All", "scope": "Users.Read.All"}, "scopes": []string{"Users.Read.All"}}}, "requestContext", "authorizer"), false},
		"a claim of nearly the same name":       {edited(t, "httpapi", members{"jwt": members{"claims": members{"sub": "app", "Roles": "[Users.Read.All]", "wids": "[Users.Read.All]"}}}, "requestContext", "authorizer"), false},
		"IAM, which has policies of its own":    {edited(t, "httpapi", members{"iam": members{"userArn": role}}, "requestContext", "authorizer"), true},
		"a Lambda authorizer, which decides":    {edited(t, "httpapi", members{"lambda": members{"tier": 1}}, "requestContext", "authorizer"), true},
		"nobody":                                {edited(t, "httpapi", nil, "requestContext", "authorizer"), false},
		"a certificate, which has no roles":     {event(t, "httpapi-domain"), true},
		"REST by IAM, which has its own":        {edited(t, "rest-anonymous", members{"userArn": role, "accountId": "1", "caller": "AROA1:x"}, "requestContext", "identity"), true},
		"a function URL, which knows IAM alone": {event(t, "functionurl"), true},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Roles: []string{"Directory.Audit", "Users.Read.All"}}
			got := answerOf(t, invoke(t, l, c.event))
			if allowed := got.StatusCode == http.StatusOK; allowed != c.allowed || !allowed && got.StatusCode != http.StatusUnauthorized {
				t.Errorf("%d %s", got.StatusCode, got.Body)
			}
			if !c.allowed && name != "nobody" && !strings.Contains(got.Body, "ROLLCALL_JWT_ROLES") {
				t.Errorf("it does not say what is missing: %s", got.Body)
			}
		})
	}
}

// FuzzRoles has claims of tokens that an issuer has signed. No claim passes that does not
// have the role, all of it and nothing else between its ends.
func FuzzRoles(f *testing.F) {
	for _, claim := range []string{
		`"[Users.Read.All]"`, `"[a Users.Read.All]"`, `"a,Users.Read.All"`, `["Users.Read.All"]`, `"Users.Read"`, `"[Users.Read.All"`, `"Users.Read.All]"`,
		`"[[Users.Read.All]]"`, `{"Users.Read.All":1}`, `["Users.Read.All.x"]`, `"xUsers.Read.All"`, `null`, `1`, `[[]]`, `""`, `"[]"`, `"[ ]"`, `","`,
	} {
		f.Add(claim)
	}
	const role = "Users.Read.All"
	l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Roles: []string{role}}
	f.Fuzz(func(t *testing.T, claim string) {
		var value any
		if json.Unmarshal([]byte(claim), &value) != nil {
			return
		}
		for _, name := range []string{"httpapi1", "rest-anonymous"} {
			e := edited(t, name, members{"claims": members{"sub": "app", "roles": value}}, "requestContext", "authorizer")
			if got := answerOf(t, invoke(t, l, e)); got.StatusCode == http.StatusOK && !hasWord(value, role) {
				t.Fatalf("%s passes", claim)
			}
		}
	})
}

// hasWord reports whether a text, or one of a list, is a word or has it between spaces,
// commas and the brackets at its ends.
func hasWord(value any, word string) bool {
	switch value := value.(type) {
	case string:
		for _, field := range strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
			if field == word || strings.TrimSuffix(strings.TrimPrefix(field, "["), "]") == word {
				return true
			}
		}
	case []any:
		for _, each := range value {
			if text, ok := each.(string); ok && text == word {
				return true
			}
		}
	}
	return false
}
