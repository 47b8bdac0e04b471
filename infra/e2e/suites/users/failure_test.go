package users

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func rotation(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 7}})
	if n := len(p.invokeForPage(t, map[string]any{}).Value); n != 7 {
		t.Fatalf("before the rotation it returned %d users", n)
	}
	before := p.host.PID()

	const renewed = "r0tated~secret.value_that-no-log.may.hold"
	p.putSecret(t, renewed)
	p.tenant.RotateSecret(renewed)
	p.tenant.RevokeTokens() // so that the next invocation buys a token
	p.tenant.ForgetRequests()

	if n := len(p.invokeForPage(t, map[string]any{}).Value); n != 7 {
		t.Errorf("after the rotation it returned %d users", n)
	}
	if got, want := p.purchases(), []int{http.StatusUnauthorized, http.StatusOK}; !slices.Equal(got, want) {
		t.Errorf("the token service answered %d, want %d: the old secret once, then the new one", got, want)
	}
	if got := p.host.PID(); got != before {
		t.Errorf("process %d answered, which is not %d", got, before)
	}
}

// purchases is how the token service answered each time it was asked for a token.
func (p *stage) purchases() []int {
	var statuses []int
	for _, r := range p.tenant.Requests() {
		if strings.HasSuffix(r.Path, "/oauth2/v2.0/token") {
			statuses = append(statuses, r.Status)
		}
	}
	return statuses
}

// claimsChallenge: Graph revokes the token (continuous access evaluation), and
// the function buys another with the claims that Graph asks for.
func claimsChallenge(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3}})
	p.invokeForPage(t, map[string]any{})
	p.tenant.ForgetRequests()
	p.tenant.RevokeTokens()
	if n := len(p.invokeForPage(t, map[string]any{}).Value); n != 3 {
		t.Errorf("after the challenge it returned %d users", n)
	}
	if got, want := p.purchases(), []int{http.StatusOK}; !slices.Equal(got, want) {
		t.Errorf("the token service answered %d, want %d: one new token", got, want)
	}
}

func rejectedSecret(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3}})
	p.putSecret(t, "wr0ng~secret.value_that-no-log.may.hold")
	got := p.wantFailure(t, "Credentials.Rejected")
	if !strings.Contains(got.ErrorMessage, "7000215") {
		t.Errorf("the message does not name Entra's code: %s", got.ErrorMessage)
	}
	p.putSecret(t, p.tenant.Config().ClientSecret)
	if n := len(p.invokeForPage(t, map[string]any{}).Value); n != 3 {
		t.Errorf("with the secret corrected it returned %d users", n)
	}
}

func deletedSecret(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3}})
	if _, err := w.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &p.secret}); err != nil {
		t.Fatal(err)
	}
	p.wantFailure(t, "Credentials.Missing")
}

func emptySecret(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3}})
	const half = `{"TenantID":"7c0de5e1-1a57-4ace-8c0b-0123456789ab","ClientSecret":"h4lf~an.identity_that-no-log.may.hold"}`
	p.canaries["h4lf~an.identity_that-no-log.may.hold"] = true
	if _, err := w.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &p.secret, SecretString: aws.String(half),
	}); err != nil {
		t.Fatal(err)
	}
	if got := p.wantFailure(t, "Credentials.Missing"); !strings.Contains(got.ErrorMessage, "ClientID") {
		t.Errorf("the message does not name what is missing: %s", got.ErrorMessage)
	}
}

// forbiddenSecret uses an AWS of its own: moto lets everybody read everything.
func forbiddenSecret(t *testing.T, w *world) {
	refuses := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(rw, `{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::123456789012:assumed-role/e2e is not authorized to perform: secretsmanager:GetSecretValue"}`)
	}))
	t.Cleanup(refuses.Close)
	p := w.play(t, set{tenant: simulator.Config{Users: 3}, env: []string{"AWS_ENDPOINT_URL=" + refuses.URL}})
	if got := p.wantFailure(t, "Credentials.Missing"); !strings.Contains(got.ErrorMessage, "secretsmanager:GetSecretValue") {
		t.Errorf("the message does not name the permission: %s", got.ErrorMessage)
	}
}

func unknownVariable(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3}, env: []string{"ROLLCALL_PAGESIZE=10"}})
	if got := p.wantFailure(t, "Config.Invalid"); !strings.Contains(got.ErrorMessage, "ROLLCALL_PAGESIZE") {
		t.Errorf("the message does not name the variable: %s", got.ErrorMessage)
	}
}

func unknownRequest(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3}})
	if got := p.invoke(t, map[string]any{"selekt": []string{"id"}}); got.ErrorType != "Request.Invalid" || !strings.Contains(got.ErrorMessage, "selekt") {
		t.Errorf("it came to %q, %s", got.ErrorType, got.Payload)
	}
}

func throttled(t *testing.T, w *world) {
	always := []simulator.Fault{{Name: "429-seconds", Times: -1}} // Retry-After: 7
	p := w.play(t, set{tenant: simulator.Config{Users: 3, Faults: always}, timeout: 5 * time.Second})
	p.wantFailure(t, "Graph.Throttled")
	response := p.request(t, get("/users", ""))
	if response.StatusCode != http.StatusServiceUnavailable || header(response, "Retry-After") != "7" {
		t.Errorf("it answered %d with Retry-After %q: %s", response.StatusCode, header(response, "Retry-After"), response.Body)
	}
}

func accessDenied(t *testing.T, w *world) {
	p := w.play(t, set{tenant: simulator.Config{Users: 3, Roles: []string{}}})
	if got := p.wantFailure(t, "Graph.AccessDenied"); !strings.Contains(got.ErrorMessage, "User.Read.All") {
		t.Errorf("the message does not name the permission: %s", got.ErrorMessage)
	}
}

// deadline: past it, Lambda would kill the function without a word.
func deadline(t *testing.T, w *world) {
	p := w.play(t, set{
		tenant:  simulator.Config{Users: 3, Faults: []simulator.Fault{{Name: "stall-headers", Times: -1}}},
		timeout: 3 * time.Second,
	})
	p.wantFailure(t, "Graph.Unavailable")
}
