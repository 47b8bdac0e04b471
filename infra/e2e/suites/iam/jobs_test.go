package iam_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/hook"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	clientState = "cl1ent-state-that-is-long-enough"
	hookKey     = hook.Key("d2ViaG9vay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM=")
)

// start starts a process of a function, as Lambda does.
func (a *account) start(t *testing.T, function string, timeout time.Duration, more ...string) (host *lambdahost.Host, end func()) {
	t.Helper()
	cfg := lambdahost.Config{Bootstrap: binaries[function], Timeout: timeout, Env: append(a.environ(function), more...)}
	host, err := cfg.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return host, host.Close
}

// invoke sends a function an event in a process of its own, and again and again what it
// answers with, until that is not to be continued.
func (a *account) invoke(t *testing.T, function string, timeout time.Duration, what string, more ...string) (json.RawMessage, error) {
	t.Helper()
	host, end := a.start(t, function, timeout, more...)
	defer end()
	for range 20 {
		got, err := host.Invoke(t.Context(), []byte(what))
		if err != nil {
			return nil, err
		}
		if got.ErrorType != "" {
			return nil, fmt.Errorf("%s: %s: %s", function, got.ErrorType, got.ErrorMessage)
		}
		var result struct{ Status, Resume string }
		if json.Unmarshal(got.Payload, &result) != nil || result.Status != "continue" {
			return got.Payload, nil
		}
		if result.Resume != "" {
			var of struct{ Tenant string }
			_ = json.Unmarshal([]byte(what), &of) // of this file's own making
			what = event("resume", result.Resume, of.Tenant)
		}
	}
	return nil, fmt.Errorf("%s does not come to an end", function)
}

// tenants are those that events name: none for that of the stack's own secret, and with a
// tenants file the one that it has, too.
func (a *account) tenants() []string {
	if a.stack.Resources["TenantsMachine"].Type == "" {
		return []string{""}
	}
	return []string{"", a.tenant.TenantID}
}

// users reads a page, whose link to the next one is sealed.
func (a *account) users(t *testing.T) error {
	page, err := a.invoke(t, "UsersFunction", 30*time.Second, `{"top":5}`)
	if err == nil && !strings.Contains(string(page), "skiptoken") {
		err = fmt.Errorf("it answers %s", page)
	}
	return err
}

// hasToPark has Graph ask for more time than a function gets, once, and then forget where the
// list was, so that what has been written by then is deleted. What an earlier job did not
// come to still waits.
func (a *account) hasToPark() {
	for _, r := range a.tenant.Requests() {
		delete(a.faults, r.Status)
	}
	a.tenant.ForgetRequests()
	for status, fault := range map[int]simulator.Fault{
		http.StatusTooManyRequests: {Name: "429-date", Page: 4, Times: 1}, http.StatusBadRequest: {Name: "expired-token", Page: 6, Times: 1},
	} {
		if !a.faults[status] {
			a.faults[status] = true
			a.tenant.AddFault(fault)
		}
	}
}

// pages are so small that there is something to park.
var pages = []string{"ROLLCALL_PAGE_SIZE=5", "ROLLCALL_PARALLEL=1"}

// snapshot publishes a list, slice by slice, and then the next one.
func (a *account) snapshot(t *testing.T) error {
	a.empty(t)
	a.hasToPark()
	for _, tenant := range append(a.tenants(), "") {
		if _, err := a.invoke(t, "SnapshotFunction", short, event("run", uuid.NewString(), tenant), pages...); err != nil {
			return err
		}
	}
	return nil
}

// short is less than Graph asks for, which is nine seconds.
const short = 8 * time.Second

// event is an event with a tenant, if that is not "".
func event(member, value, tenant string) string {
	all := map[string]string{member: value, "tenant": tenant}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	text, _ := json.Marshal(all) // of texts
	return string(text)
}

// changes publishes what has happened, once everybody is known.
func (a *account) changes(t *testing.T) error {
	a.empty(t)
	a.hasToPark()
	for _, tenant := range a.tenants() {
		if _, err := a.invoke(t, "ChangesFunction", short, event("", "", tenant), pages...); err != nil {
			return err
		}
	}
	// More than a message may have.
	if err := a.tenant.SetDepartment(5, strings.Repeat(uuid.NewString(), 1<<15)); err != nil {
		return err
	}
	defer func() { _ = a.tenant.SetDepartment(5, "Archive") }()
	_, err := a.invoke(t, "ChangesFunction", time.Minute, `{}`)
	return err
}

// webhook takes a notification and a request for each job.
func (a *account) webhook(t *testing.T) error {
	host, end := a.start(t, "WebhookFunction", 10*time.Second)
	defer end()
	front := gateway.Start(gateway.HTTPAPI(), host)
	defer front.Close()
	client := front.Client()
	var all []error
	for _, c := range []struct {
		path, body string
		header     http.Header
	}{
		{"/notifications", string(a.tenant.Notification(a.tenant.TenantID, clientState)), http.Header{}},
		{"/run", `{"job":"changes"}`, hookKey.Sign(uuid.NewString(), []byte(`{"job":"changes"}`))},
		{"/run", `{"job":"snapshot"}`, hookKey.Sign(uuid.NewString(), []byte(`{"job":"snapshot"}`))},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			return err
		}
		r.Header = c.header
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			all = append(all, fmt.Errorf("%s %s is answered with %s\n%s", c.path, c.body, resp.Status, host.Output()))
		}
	}
	return errors.Join(all...)
}

// rotate replaces the client secret.
func (a *account) rotate(t *testing.T) error {
	client, version, secret := secretsmanager.NewFromConfig(a.aws.Config()), uuid.NewString(), a.names.Replace("<Secret>")
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &secret, SecretString: aws.String(a.valueOf(t, "Secret"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &secret, ClientRequestToken: &version, RotationLambdaARN: aws.String(a.names.Replace("<RotateFunction.Arn>")), RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	}); err != nil {
		t.Fatal(err)
	}
	// Where the label stays, moto begins no other rotation.
	defer func() {
		_, _ = client.UpdateSecretVersionStage(context.WithoutCancel(t.Context()), &secretsmanager.UpdateSecretVersionStageInput{SecretId: &secret, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &version})
	}()
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		event := `{"Step":"` + step + `","SecretId":"` + secret + `","ClientRequestToken":"` + version + `"}`
		if _, err := a.invoke(t, "RotateFunction", time.Minute, event); err != nil {
			return err
		}
	}
	return nil
}

// empty empties the bucket but for the tenants file.
func (a *account) empty(t *testing.T) {
	t.Helper()
	client, bucket := cloud.S3(a.aws.Config()), a.names.Replace("<Bucket>")
	listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	objects := slices.DeleteFunc(listed.Contents, func(o s3types.Object) bool { return *o.Key == "tenants.json" })
	if len(objects) == 0 {
		return
	}
	all := &s3types.Delete{}
	for _, o := range objects {
		all.Objects = append(all.Objects, s3types.ObjectIdentifier{Key: o.Key})
	}
	if _, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: all}); err != nil {
		t.Fatal(err)
	}
}

// binaries are the built functions.
var binaries = map[string]string{}

func build(t *testing.T) {
	t.Helper()
	for _, name := range []string{"users", "snapshot", "changes", "webhook", "rotate"} {
		binaries[strings.ToUpper(name[:1])+name[1:]+"Function"] = harness.Release(t, "functions/"+name)
	}
}
