package credential_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

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
