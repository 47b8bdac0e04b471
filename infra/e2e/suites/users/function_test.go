package users_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// environment is what all tests share: the binary and the AWS that it talks to.
type environment struct {
	bootstrap string
	aws       *moto.Server
	secrets   *secretsmanager.Client
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	e := &environment{bootstrap: harness.Release(t, "functions/users"), aws: harness.Start(t, moto.Start)}
	e.secrets = secretsmanager.NewFromConfig(e.aws.Config())
	return e
}

// config is the function that a test wants.
type config struct {
	tenant  simulator.Config
	timeout time.Duration
	env     []string // more variables; a later one wins
	level   string   // ApplicationLogLevel
}

// function is one process of the function with one tenant.
type function struct {
	secrets  *secretsmanager.Client
	secret   string // ARN
	tenant   *tenant.Tenant
	host     *lambdahost.Host
	canaries map[string]bool // texts that must not be in the log
}

// start starts a tenant, puts its app's secret into Secrets Manager and starts
// the function. At the end of the test its log is searched for canaries.
func (e *environment) start(t *testing.T, cfg config) *function {
	t.Helper()
	f := &function{secrets: e.secrets, tenant: harness.Start(t, tenant.New(cfg.tenant).Start), canaries: map[string]bool{}}
	f.createSecret(t)
	env := slices.Concat(e.aws.Environ(), f.tenant.Hosts(), []string{"ROLLCALL_CREDENTIALS=secretsmanager:" + f.secret}, cfg.env)
	f.host = harness.Start(t, lambdahost.Config{Bootstrap: e.bootstrap, Timeout: cfg.timeout, Env: env, LogLevel: cfg.level}.Start)
	t.Cleanup(func() {
		f.host.Close()
		f.searchLog(t)
		emf.Read(t, f.host.Output())
	})
	return f
}

func (f *function) createSecret(t *testing.T) {
	t.Helper()
	name := fmt.Sprintf("e2e/%s-%d", strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()), time.Now().UnixNano())
	text := f.secretText(t, f.tenant.ClientSecret)
	made, err := f.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
	if err != nil {
		t.Fatal(err)
	}
	f.secret = *made.ARN
}

// rotate makes a new client secret the current version of the secret.
func (f *function) rotate(t *testing.T, clientSecret string) {
	t.Helper()
	f.putSecret(t, f.secretText(t, clientSecret))
}

func (f *function) putSecret(t *testing.T, text string) {
	t.Helper()
	if _, err := f.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &f.secret, SecretString: &text}); err != nil {
		t.Fatal(err)
	}
}

func (f *function) secretText(t *testing.T, clientSecret string) string {
	t.Helper()
	f.canaries[clientSecret] = true
	text, err := f.tenant.Secret(clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// searchLog fails the test when the function wrote a secret, a token, a person
// or a page token to stdout or stderr.
func (f *function) searchLog(t *testing.T) {
	t.Helper()
	log := f.host.Output()
	if leaks := endpoint.Leaks(log, slices.Collect(maps.Keys(f.canaries))...); len(leaks) > 0 {
		t.Errorf("the log contains %q:\n%s", leaks, log)
	}
}

// tokenAnswers are the statuses with which the token service answered.
func (f *function) tokenAnswers() []int {
	var statuses []int
	for _, r := range f.tenant.Requests() {
		if strings.HasSuffix(r.Path, "/oauth2/v2.0/token") {
			statuses = append(statuses, r.Status)
		}
	}
	return statuses
}

// page is a page of users, as far as the tests look at it.
type page struct {
	Context  string `json:"@odata.context"`
	NextLink string `json:"@odata.nextLink"`
	Value    []user `json:"value"`
}

type user struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
	Mail              string `json:"mail"`
}

// invoke sends the function an event.
func (f *function) invoke(t *testing.T, event any) lambdahost.Result {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.host.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("invoke: %v; the log:\n%s", err, f.host.Output())
	}
	for canary := range f.canaries {
		if result.ErrorType != "" && strings.Contains(string(result.Payload), canary) {
			t.Errorf("the error contains %q: %s", canary, result.Payload)
		}
	}
	return result
}

// invokeForPage is invoke for an answer that is a page.
func (f *function) invokeForPage(t *testing.T, event any) page {
	t.Helper()
	result := f.invoke(t, event)
	if result.ErrorType != "" {
		t.Fatalf("the invocation failed: %s; the log:\n%s", result.Payload, f.host.Output())
	}
	return f.readPage(t, result.Payload)
}

// readPage decodes a page. Nothing personal on it may be in the log.
func (f *function) readPage(t *testing.T, body []byte) page {
	t.Helper()
	var got page
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("it is not a page: %v\n%s", err, body)
	}
	for _, u := range got.Value {
		for _, personal := range []string{u.UserPrincipalName, u.DisplayName, u.Mail} {
			if personal != "" {
				f.canaries[personal] = true
			}
		}
	}
	if token := skipToken(t, got.NextLink); token != "" {
		f.canaries[token] = true
	}
	return got
}

// skipToken is the page token in a link, "" without a link.
func skipToken(t *testing.T, link string) string {
	t.Helper()
	if link == "" {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatalf("the nextLink cannot be parsed: %v", err)
	}
	token := u.Query().Get("$skiptoken")
	if token == "" {
		t.Fatalf("the nextLink %s has no $skiptoken", link)
	}
	return token
}

// wantFailure checks that a direct invocation fails under a name.
func (f *function) wantFailure(t *testing.T, name string) lambdahost.Result {
	t.Helper()
	result := f.invoke(t, map[string]any{})
	if result.ErrorType != name {
		t.Errorf("it returned %q, %.400s, want the error %s; the log:\n%s", result.ErrorType, result.Payload, name, f.host.Output())
	}
	return result
}
