package credential_test

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
)

func mustContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
}

func mustNotContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q holds %q", text, part)
		}
	}
}

func TestEveryRefusalSaysWhatToDoNext(t *testing.T) {
	for code, want := range map[int]string{
		7000215: "Value", 7000222: "expired", 700016: "Application (client) ID", 90002: "ROLLCALL_CLOUD",
		900023: "Directory (tenant) ID", 700027: "certificate", 7000229: "consent", 7000112: "disabled",
		53003: "Conditional Access", 700038: "Application (client) ID", 500011: "audience", 7000218: "no client secret",
		9001023: "organizations", 90038: "another cloud", 700213: "federated", 424242: "error?code=424242",
	} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			e := &entra{secret: canary}
			e.before = func(int, url.Values) (*http.Response, error) {
				return errorAnswer(http.StatusBadRequest, "invalid_request", code), nil
			}
			_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
			got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
			if got.Code != code || got.Advice == "" {
				t.Errorf("error %#v", got)
			}
			mustContain(t, got.Error(), want, "AADSTS"+strconv.Itoa(code), testTrace, testCorrel, testTenant, "env:")
			mustNotContain(t, got.Error(), canary, "refused for")
		})
	}
}

func TestTheKnownCodeOfSeveralIsTaken(t *testing.T) {
	for want, codes := range map[int][]int{7000112: {1, 7000112, 700016}, 1: {1, 2}} {
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return errorAnswer(http.StatusBadRequest, "invalid_client", codes...), nil
		}
		_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
		if got := wantError(t, err, credential.Rejected, "Credentials.Rejected"); got.Code != want {
			t.Errorf("code %d of %v", got.Code, codes)
		}
	}
}

func TestARefusalWithoutACodeIsStillAnError(t *testing.T) {
	e := &entra{secret: canary}
	e.before = func(int, url.Values) (*http.Response, error) {
		return answer(http.StatusForbidden, "<html>"+canary+"</html>"), nil
	}
	_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
	got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
	mustContain(t, got.Error(), "HTTP 403", "proxy")
	mustNotContain(t, got.Error(), canary)
}

func TestIDsOfAServiceAreKeptOnlyWhenTheyArePlain(t *testing.T) {
	e := &entra{secret: canary}
	e.before = func(int, url.Values) (*http.Response, error) {
		return answer(http.StatusUnauthorized, `{"error":"invalid_client","trace_id":"a person <p@example.com>","correlation_id":"`+testCorrel+`"}`), nil
	}
	_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
	if got := wantError(t, err, credential.Rejected, "Credentials.Rejected"); got.TraceID != "" || got.CorrelationID != testCorrel {
		t.Errorf("error %#v", got)
	}
}

func TestAMemberOfAnotherTypeDoesNotTakeTheOthersWithIt(t *testing.T) {
	for _, codes := range []string{`["7000215"]`, `[null,{},1e99,7000215]`, `[7000215,"x",99999999999999999999]`, `[-1,7000215]`} {
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return answer(http.StatusUnauthorized, `{"error":42,"error_codes":`+codes+`,"trace_id":["x"],"correlation_id":"`+testCorrel+`"}`), nil
		}
		_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
		if got := wantError(t, err, credential.Rejected, "Credentials.Rejected"); got.Code != wrongSecret || got.TraceID != "" || got.CorrelationID != testCorrel {
			t.Errorf("%s: %#v", codes, got)
		}
	}
}

func TestAWrongSecretIsExplainedBySecretIDs(t *testing.T) {
	for text, want := range map[string]string{canary: "not its Secret ID", testTrace: "it is a GUID, as Secret IDs are"} {
		_, err := newCredential(t, environ(text), &entra{secret: "another"}).Token(t.Context(), "", "")
		mustContain(t, wantError(t, err, credential.Rejected, "Credentials.Rejected").Error(), "AADSTS7000215", want)
	}
}

// FuzzARefusalIsAnErrorThatRepeatsNothing lets the token endpoint answer anything.
func FuzzARefusalIsAnErrorThatRepeatsNothing(f *testing.F) {
	f.Add(401, "application/json", `{"error":"invalid_client","error_description":"AADSTS7000215 `, `","error_codes":[7000215],"trace_id":"3c0e5f1a-aaaa-4bbb-8ccc-000000000003"}`)
	f.Add(400, "", `{"error":"`, `","error_codes":["1",null,2.5,1e400,-3]}`)
	f.Add(400, "", `{"trace_id":"`, `","correlation_id":{"a":[]}}`)
	f.Add(200, "text/html", `<html>`, `</html>`)
	f.Add(200, "application/json", `{"token_type":"Bearer","expires_in":3599,"access_token":"`, `"}`)
	f.Add(429, "", ``, ``)
	f.Add(503, "text/html", "<", ">")
	f.Add(302, "", "", "")
	f.Fuzz(func(t *testing.T, status int, contentType, before, after string) {
		if status < 200 || status > 599 {
			return
		}
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return answer(status, before+canary+after, "Content-Type", contentType, "Location", "https://evil.example/"+canary), nil
		}
		synctest.Test(t, func(t *testing.T) {
			token, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
			if err == nil {
				if token == "" || strings.ContainsAny(token, "\r\n ") || status != 200 && status != 201 {
					t.Errorf("token %q of status %d", token, status)
				}
				return
			}
			var got *credential.Error
			if !errors.As(err, &got) || got.Advice == "" || got.Problem == "" || got.Code < 0 {
				t.Fatalf("error %#v", err)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "evil.example") {
				t.Errorf("error %q", err)
			}
			for _, host := range e.hosts {
				if "https://"+host != cloud.Public().LoginURL {
					t.Errorf("%q was asked", host)
				}
			}
		})
	})
}
