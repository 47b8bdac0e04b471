// Package rotate_test runs the built functions/rotate through the steps that Secrets
// Manager asks for, with moto as Secrets Manager, which cannot invoke functions itself
// without Docker: the test does that part.
package rotate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// environment is one AWS account and one tenant, in which an app reads and another one owns
// its registration.
type environment struct {
	aws     *moto.Server
	secrets *secretsmanager.Client
	tenant  *tenant.Tenant
	// reader and rotator are the ARNs of the secrets of the two apps, function that of a
	// Lambda function.
	reader, rotator, function string
}

func newEnvironment(t *testing.T, cfg simulator.Config) *environment {
	t.Helper()
	cfg.Apps = []simulator.App{tenant.Rotator()}
	e := &environment{aws: harness.Start(t, moto.Start), tenant: harness.Start(t, tenant.New(cfg).Start)}
	e.secrets = secretsmanager.NewFromConfig(e.aws.Config())
	var err error
	if e.function, err = e.aws.Function(t.Context(), "rotate"); err != nil {
		t.Fatal(err)
	}
	e.reader = e.create(t, "rollcall/entra", map[string]any{
		"tenant_id": e.tenant.TenantID, "client_id": e.tenant.ClientID, "client_secret": e.tenant.ClientSecret,
		"key_id": e.tenant.Passwords(e.tenant.ClientID)[0].KeyID, "kept": []int{1, 2},
	})
	e.rotator = e.create(t, "rollcall/rotator", map[string]any{"TenantID": e.tenant.TenantID, "ClientID": tenant.RotatorID, "ClientSecret": tenant.RotatorSecret})
	return e
}

func (e *environment) create(t *testing.T, name string, members map[string]any) (arn string) {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	made, err := e.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(string(text))})
	if err != nil {
		t.Fatal(err)
	}
	return *made.ARN
}

// start starts a process of a built function, whose log is searched at the end of the test.
func (e *environment) start(t *testing.T, bootstrap, credentials string, variables ...string) *lambdahost.Host {
	t.Helper()
	env := slices.Concat(e.aws.Environ(), e.tenant.Hosts(), []string{"ROLLCALL_CREDENTIALS=secretsmanager:" + credentials}, variables)
	host := harness.Start(t, lambdahost.Config{Bootstrap: bootstrap, Timeout: 5 * time.Minute, Env: env}.Start)
	t.Cleanup(func() {
		host.Close()
		if leaks := endpoint.Leaks(host.Output(), e.canaries(t)...); len(leaks) > 0 {
			t.Errorf("the log contains %q:\n%s", leaks, host.Output())
		}
		emf.Read(t, host.Output())
	})
	return host
}

// canaries are the client secrets of all versions that there are.
func (e *environment) canaries(t *testing.T) []string {
	t.Helper()
	all := []string{tenant.RotatorSecret, e.tenant.ClientSecret, rotationToken}
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "ROLLCALL_REPLACED"} {
		if text, _ := e.read(stage); text != "" {
			all = append(all, identityIn(t, text).ClientSecret)
		}
	}
	return all
}

const rotationToken = "rotation-token-that-no-log-may-contain"

// rotation is a rotation that has begun.
type rotation struct {
	*environment
	t       *testing.T
	host    *lambdahost.Host
	version string
}

// begin does what Secrets Manager does first: a version without a value becomes AWSPENDING.
func (e *environment) begin(t *testing.T, host *lambdahost.Host) *rotation {
	t.Helper()
	r := &rotation{environment: e, t: t, host: host, version: uuid.NewString()}
	if _, err := e.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &e.reader, ClientRequestToken: &r.version, RotationLambdaARN: &e.function, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rotation) event(step string) []byte {
	text, err := json.Marshal(map[string]string{"Step": step, "SecretId": r.reader, "ClientRequestToken": r.version, "RotationToken": rotationToken})
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// step has the function do a step.
func (r *rotation) step(step string) lambdahost.Result {
	r.t.Helper()
	result, err := r.host.Invoke(r.t.Context(), r.event(step))
	if err != nil {
		r.t.Fatalf("%s: %v; the log:\n%s", step, err, r.host.Output())
	}
	if leaks := endpoint.Leaks(string(result.Payload), r.canaries(r.t)...); len(leaks) > 0 {
		r.t.Errorf("%s answers with %q: %s", step, leaks, result.Payload)
	}
	return result
}

// steps has it do the whole rotation.
func (r *rotation) steps() {
	r.t.Helper()
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		if got := r.step(step); got.ErrorType != "" {
			r.t.Fatalf("%s: %s; the log:\n%s", step, got.Payload, r.host.Output())
		}
	}
	// Where the label stays on the current version, moto begins no other rotation.
	if _, err := r.secrets.UpdateSecretVersionStage(r.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &r.reader, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &r.version,
	}); err != nil {
		r.t.Fatal(err)
	}
}

// read is the value of the version with a label, and its id.
func (e *environment) read(stage string) (text, version string) {
	out, err := e.secrets.GetSecretValue(contextOf(), &secretsmanager.GetSecretValueInput{SecretId: &e.reader, VersionStage: &stage})
	if err != nil {
		return "", ""
	}
	return aws.ToString(out.SecretString), aws.ToString(out.VersionId)
}

// identity is what a version has.
type identity struct {
	ClientSecret string `json:"client_secret"`
	KeyID        string `json:"key_id"`
	ExpiresAt    time.Time
}

func identityIn(t *testing.T, text string) identity {
	t.Helper()
	var id identity
	if err := json.Unmarshal([]byte(text), &id); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return id
}

// expectRotated checks that the new version is the current one, and which client secrets the
// app has.
func (r *rotation) expectRotated() {
	r.t.Helper()
	text, version := r.read("AWSCURRENT")
	before, _ := r.read("AWSPREVIOUS")
	now, was := identityIn(r.t, text), identityIn(r.t, before)
	if version != r.version {
		r.t.Errorf("the current version is %s, not %s", version, r.version)
	}
	var keys []string
	for _, p := range r.tenant.Passwords(r.tenant.ClientID) {
		keys = append(keys, p.KeyID)
	}
	want := []string{was.KeyID, now.KeyID}
	slices.Sort(keys)
	if slices.Sort(want); !slices.Equal(keys, want) {
		r.t.Errorf("the app has the client secrets %q, want %q", keys, want)
	}
	if age := time.Until(now.ExpiresAt); age < 89*24*time.Hour || age > 91*24*time.Hour {
		r.t.Errorf("it ends in %s", age)
	}
	unchanged := fmt.Sprintf(`{"client_id":%q,"client_secret":%q,"kept":[1,2],"key_id":%q,"tenant_id":%q,`, r.tenant.ClientID, now.ClientSecret, now.KeyID, r.tenant.TenantID)
	if !strings.HasPrefix(text, strings.TrimSuffix(unchanged, ",")) {
		r.t.Errorf("the secret is %s", text)
	}
}
