package lambda_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// whoami answers with the caller's name as a JSON list.
func whoami(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(r.Header.Values(header.User))
}

// called is what whoami answers.
func called(name string) string {
	if name == "" {
		return "null\n"
	}
	return `["` + name + `"]` + "\n"
}

type members = map[string]any

func TestTheCallerIsTheOneThatTheTriggerVerified(t *testing.T) {
	const role = "arn:aws:sts::111122223333:assumed-role/reader/"
	rest := func(identity, authorizer members) json.RawMessage {
		e := edited(t, "rest-anonymous", identity, "requestContext", "identity")
		return edit(t, e, authorizer, "requestContext", "authorizer")
	}
	iam := func(more members) members {
		out := members{"userArn": role + "nightly", "accountId": "111122223333", "caller": "AROA1:nightly"}
		for name, value := range more {
			out[name] = value
		}
		return out
	}
	http2 := func(authorizer any) json.RawMessage {
		return edited(t, "httpapi", authorizer, "requestContext", "authorizer")
	}
	http1 := func(authorizer any) json.RawMessage {
		return edited(t, "httpapi1", authorizer, "requestContext", "authorizer")
	}
	url := func(authorizer any) json.RawMessage {
		return edited(t, "functionurl", authorizer, "requestContext", "authorizer")
	}
	const nobody = "nobody"
	for name, c := range map[string]struct {
		event json.RawMessage
		want  string
	}{
		"REST: nobody":                       {rest(nil, nil), nobody},
		"REST: IAM":                          {rest(iam(nil), nil), role + "nightly"},
		"REST: a person's session":           {rest(iam(members{"userArn": role + "jane@example.com", "caller": "AROA1:jane@example.com"}), nil), role + "AROA1"},
		"REST: an ARN without account":       {rest(iam(members{"accountId": ""}), nil), nobody},
		"REST: an ARN without caller":        {rest(iam(members{"caller": nil}), nil), nobody},
		"REST: a guest of an identity pool":  {rest(iam(members{"cognitoAuthenticationType": "unauthenticated"}), nil), nobody},
		"REST: a user of an identity pool":   {rest(iam(members{"cognitoAuthenticationType": "authenticated"}), nil), role + "nightly"},
		"REST: an API key":                   {rest(members{"apiKey": "k", "apiKeyId": "i"}, nil), nobody},
		"REST: a source address":             {rest(members{"sourceIp": "192.0.2.1", "user": "x", "accessKey": "y"}, nil), nobody},
		"REST: Cognito":                      {rest(nil, members{"claims": members{"sub": "0f5b", "email": "jane@example.com"}}), "0f5b"},
		"REST: Cognito without claims":       {rest(nil, members{"claims": members{}}), nobody},
		"REST: a client without subject":     {rest(nil, members{"claims": members{"client_id": "app"}}), "app"},
		"REST: a subject that is an e-mail":  {rest(nil, members{"claims": members{"sub": "jane@example.com", "client_id": "app"}}), "app"},
		"REST: a Lambda authorizer":          {rest(nil, members{"principalId": "job", "integrationLatency": 3}), "job"},
		"REST: an authorizer's e-mail":       {rest(nil, members{"principalId": "jane@example.com"}), ""},
		"REST: an authorizer without answer": {rest(nil, members{"integrationLatency": 3}), nobody},
		"REST: an authorizer's context only": {rest(nil, members{"tier": "1"}), nobody},
		"REST: a certificate":                {rest(members{"clientCert": members{"clientCertPem": "-----BEGIN", "serialNumber": "a1:b2", "subjectDN": "emailAddress=jane@example.com"}}, nil), "certificate:a1:b2"},
		"REST: no certificate":               {rest(members{"clientCert": members{"clientCertPem": ""}}, nil), nobody},

		"HTTP API: nobody":                      {http2(nil), nobody},
		"HTTP API: an empty authorizer":         {http2(members{}), nobody},
		"HTTP API: a JWT":                       {http2(members{"jwt": members{"claims": members{"sub": "app"}}}), "app"},
		"HTTP API: a JWT without claims":        {http2(members{"jwt": members{"claims": nil}}), nobody},
		"HTTP API: claims of a wrong type":      {http2(members{"jwt": members{"claims": []string{"sub"}}}), nobody},
		"HTTP API: IAM":                         {http2(members{"iam": members{"userArn": "arn:aws:iam::1:user/x"}}), "arn:aws:iam::1:user/x"},
		"HTTP API: IAM without a name":          {http2(members{"iam": members{"userArn": "", "accountId": "1"}}), nobody},
		"HTTP API: a guest of an identity pool": {http2(members{"iam": members{"userArn": role + "x", "cognitoIdentity": members{"amr": []string{"unauthenticated"}}}}), nobody},
		"HTTP API: a Lambda authorizer":         {http2(members{"lambda": members{"tier": 1}}), ""},
		"HTTP API: one that said nothing":       {http2(members{"lambda": nil}), nobody},
		"HTTP API: a certificate":               {event(t, "httpapi-domain"), "certificate:a1:b2:c3"},

		"payload 1.0: nobody":              {http1(nil), nobody},
		"payload 1.0: empty":               {http1(members{"claims": nil, "scopes": nil}), nobody},
		"payload 1.0: a JWT":               {http1(members{"claims": members{"sub": "app"}, "scopes": nil}), "app"},
		"payload 1.0: a Lambda authorizer": {http1(members{"tier": "1"}), ""},

		"Function URL: nobody": {event(t, "functionurl-anonymous"), nobody},
		"Function URL: IAM":    {url(members{"iam": members{"userArn": "arn:aws:iam::1:user/jane@example.com", "callerId": "AIDA1"}}), "arn:aws:iam::1:user/AIDA1"},
		"ALB: nobody":          {event(t, "alb"), nobody},
		"ALB: a forged user":   {edited(t, "alb", "root", "headers", "x-amzn-oidc-identity"), nobody},
	} {
		t.Run(name, func(t *testing.T) {
			want, status := called(c.want), http.StatusOK
			if c.want == nobody {
				status = http.StatusUnauthorized
			}
			got := answerOf(t, invoke(t, &lambda.HTTP{Handler: http.HandlerFunc(whoami)}, c.event))
			if got.StatusCode != status || status == http.StatusOK && got.Body != want {
				t.Errorf("%d %s, want %d %s", got.StatusCode, got.Body, status, want)
			}
			var envelope struct{ Error struct{ Code string } }
			if status != http.StatusOK && (json.Unmarshal([]byte(got.Body), &envelope) != nil || envelope.Error.Code != "Request.Unauthorized") {
				t.Errorf("the envelope is %s", got.Body)
			}
			if c.want == nobody {
				want = called("")
			}
			got = answerOf(t, invoke(t, &lambda.HTTP{Handler: http.HandlerFunc(whoami), AllowAnonymous: true}, c.event))
			if got.StatusCode != http.StatusOK || got.Body != want {
				t.Errorf("with anonymous callers allowed: %d %s, want %s", got.StatusCode, got.Body, want)
			}
		})
	}
}

func TestMembersThatTheGatewayAddsAreNotAnAuthorizersAnswer(t *testing.T) {
	for _, authorizer := range []members{
		{"claims": members{}},
		{"claims": members{}, "scopes": []string{}},
		{"principalId": ""},
		{"principalId": 1},
		{"integrationLatency": 3},
		{"scopes": []string{"users.read"}},
		{"claims": "text"},
	} {
		l := &lambda.HTTP{Handler: http.HandlerFunc(whoami)}
		if got := answerOf(t, invoke(t, l, edited(t, "httpapi1", authorizer, "requestContext", "authorizer"))); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v: %d %s", authorizer, got.StatusCode, got.Body)
		}
	}
}

func TestAnAuthorizersRequestIsNotAnswered(t *testing.T) {
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(whoami)}
	for _, member := range []string{"methodArn", "routeArn"} {
		for _, name := range []string{"rest", "httpapi", "httpapi1"} {
			out, err := l.Invoke(t.Context(), edited(t, name, "arn:aws:execute-api:eu-west-1:111122223333:abc/prod/GET/users", member))
			if err == nil {
				t.Errorf("%s with %s: %v", name, member, out)
			}
		}
	}
}
