package users_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func rotation(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 7}})
	if n := len(f.invokeForPage(t, map[string]any{}).Value); n != 7 {
		t.Fatalf("before the rotation it returned %d users", n)
	}
	before := f.host.PID()

	const renewed = "r0tated~secret.value_that-no-log.may.contain"
	f.rotate(t, renewed)
	f.tenant.RotateSecret(renewed)
	f.tenant.RevokeTokens() // so that the next invocation requests a token
	f.tenant.ForgetRequests()

	if n := len(f.invokeForPage(t, map[string]any{}).Value); n != 7 {
		t.Errorf("after the rotation it returned %d users", n)
	}
	if got, want := f.tokenAnswers(), []int{http.StatusUnauthorized, http.StatusOK}; !slices.Equal(got, want) {
		t.Errorf("the token service answered %d, want %d: the old secret once, then the new one", got, want)
	}
	if got := f.host.PID(); got != before {
		t.Errorf("process %d answered, which is not %d", got, before)
	}
}

// claimsChallenge: Graph revokes the token (continuous access evaluation), and
// the function requests another with the claims that Graph asks for.
func claimsChallenge(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	f.invokeForPage(t, map[string]any{})
	f.tenant.ForgetRequests()
	f.tenant.RevokeTokens()
	if n := len(f.invokeForPage(t, map[string]any{}).Value); n != 3 {
		t.Errorf("after the challenge it returned %d users", n)
	}
	if got, want := f.tokenAnswers(), []int{http.StatusOK}; !slices.Equal(got, want) {
		t.Errorf("the token service answered %d, want %d: one new token", got, want)
	}
}

func rejectedSecret(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	f.rotate(t, "wr0ng~secret.value_that-no-log.may.contain")
	got := f.wantFailure(t, "Credentials.Rejected")
	if !strings.Contains(got.ErrorMessage, "7000215") {
		t.Errorf("the message does not name Entra's code: %s", got.ErrorMessage)
	}
	f.rotate(t, f.tenant.ClientSecret)
	if n := len(f.invokeForPage(t, map[string]any{}).Value); n != 3 {
		t.Errorf("with the secret corrected it returned %d users", n)
	}
}

func deletedSecret(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	if _, err := e.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &f.secret}); err != nil {
		t.Fatal(err)
	}
	f.wantFailure(t, "Credentials.Missing")
}

func emptySecret(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	const half = `{"TenantID":"7c0de5e1-1a57-4ace-8c0b-0123456789ab","ClientSecret":"h4lf~an.identity_that-no-log.may.contain"}`
	f.canaries["h4lf~an.identity_that-no-log.may.contain"] = true
	f.putSecret(t, half)
	if got := f.wantFailure(t, "Credentials.Missing"); !strings.Contains(got.ErrorMessage, "ClientID") {
		t.Errorf("the message does not name what is missing: %s", got.ErrorMessage)
	}
}

// forbiddenSecret uses an AWS of its own: moto lets everybody read everything.
func forbiddenSecret(t *testing.T, e *environment) {
	refuses := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(rw, `{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::123456789012:assumed-role/e2e is not authorized to perform: secretsmanager:GetSecretValue"}`)
	}))
	t.Cleanup(refuses.Close)
	f := e.start(t, config{tenant: simulator.Config{Users: 3}, env: []string{"AWS_ENDPOINT_URL=" + refuses.URL}})
	if got := f.wantFailure(t, "Credentials.Missing"); !strings.Contains(got.ErrorMessage, "secretsmanager:GetSecretValue") {
		t.Errorf("the message does not name the permission: %s", got.ErrorMessage)
	}
}

func unknownVariable(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}, env: []string{"ROLLCALL_PAGESIZE=10"}})
	if got := f.wantFailure(t, "Config.Invalid"); !strings.Contains(got.ErrorMessage, "ROLLCALL_PAGESIZE") {
		t.Errorf("the message does not name the variable: %s", got.ErrorMessage)
	}
}

func unknownRequest(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	if got := f.invoke(t, map[string]any{"selekt": []string{"id"}}); got.ErrorType != "Request.Invalid" || !strings.Contains(got.ErrorMessage, "selekt") {
		t.Errorf("it returned %q, %s", got.ErrorType, got.Payload)
	}
}

func throttled(t *testing.T, e *environment) {
	always := []simulator.Fault{{Name: "429-seconds", Times: -1}} // Retry-After: 7
	f := e.start(t, config{tenant: simulator.Config{Users: 3, Faults: always}, timeout: 5 * time.Second})
	f.wantFailure(t, "Graph.Throttled")
	response := f.request(t, get("/users", ""))
	if response.StatusCode != http.StatusServiceUnavailable || header(response, "Retry-After") != "7" {
		t.Errorf("it answered %d with Retry-After %q: %s", response.StatusCode, header(response, "Retry-After"), response.Body)
	}
}

func accessDenied(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3, Roles: []string{}}})
	if got := f.wantFailure(t, "Graph.AccessDenied"); !strings.Contains(got.ErrorMessage, "User.Read.All") {
		t.Errorf("the message does not name the permission: %s", got.ErrorMessage)
	}
}

// deadline: past it, Lambda would kill the function without a word.
func deadline(t *testing.T, e *environment) {
	f := e.start(t, config{
		tenant:  simulator.Config{Users: 3, Faults: []simulator.Fault{{Name: "stall-headers", Times: -1}}},
		timeout: 3 * time.Second,
	})
	f.wantFailure(t, "Graph.Unavailable")
}
