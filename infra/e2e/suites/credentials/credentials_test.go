// Package credentials_test reads one and the same tenant with every kind of credential: the
// built functions/users, as Lambda runs it, against services that other people wrote or that
// verify what they are sent.
package credentials_test

import (
	"crypto/x509"
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
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// population is more than one page.
const population = 1234

// environment is what all kinds share: the binaries, and the AWS that they talk to.
type environment struct {
	users, command string
	aws            *moto.Server
	secrets        *secretsmanager.Client
}

// deployment is a tenant, and what one kind of credential sets up for it.
type deployment struct {
	*environment
	*testing.T

	tenant *tenant.Tenant
	// env are the variables of the function.
	env []string
	// made is the certificate that was made for it.
	made *x509.Certificate
	// canaries are what must not be in any output.
	canaries []string
}

// kind is a kind of credential.
type kind struct {
	// prepare makes the credential and sets the function up.
	prepare func(d *deployment)
	// trust has the app trust it.
	trust func(d *deployment)
	// refused is the error while it does not.
	refused string
}

func TestEveryKindOfCredentialReadsTheSameList(t *testing.T) {
	e := &environment{users: harness.Release(t, "functions/users"), command: harness.Plain(t, "functions/rollcall"), aws: harness.Start(t, moto.Start)}
	e.secrets = secretsmanager.NewFromConfig(e.aws.Config())
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			if k.refused != "" {
				d := e.deploy(t, k)
				if result := d.invoke(map[string]any{}); result.ErrorType != k.refused {
					t.Errorf("untrusted, it returned %q, %.400s; want the error %s", result.ErrorType, result.Payload, k.refused)
				}
			}
			d := e.deploy(t, k)
			k.trust(d)
			if ids := d.read(); len(ids) != population {
				t.Errorf("%d users were read, want %d", len(ids), population)
			}
		})
	}
}

// deploy starts a tenant and prepares a kind of credential.
func (e *environment) deploy(t *testing.T, k kind) *deployment {
	t.Helper()
	d := &deployment{environment: e, T: t, tenant: harness.Start(t, tenant.New(simulator.Config{Users: population, ClientSecret: clientSecret}).Start)}
	d.canaries = []string{clientSecret, sealKey}
	d.env = slices.Concat(e.aws.Environ(), d.tenant.Hosts(), []string{"ROLLCALL_SEAL_KEY=secretsmanager:" + d.keep("seal", sealKey)})
	k.prepare(d)
	return d
}

// invoke sends the function an event, in a process of its own whose output is searched.
func (d *deployment) invoke(event any) lambdahost.Result {
	d.Helper()
	host := harness.Start(d, lambdahost.Config{Bootstrap: d.users, Timeout: time.Minute, Env: d.env}.Start)
	return d.send(host, event)
}

func (d *deployment) send(host *lambdahost.Host, event any) lambdahost.Result {
	d.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		d.Fatal(err)
	}
	result, err := host.Invoke(d.Context(), payload)
	if err != nil {
		d.Fatalf("invoke: %v; the log:\n%s", err, host.Output())
	}
	out := host.Output() + result.ErrorMessage
	if result.ErrorType != "" {
		out += string(result.Payload)
	}
	if leaks := endpoint.Leaks(out, d.canaries...); len(leaks) > 0 {
		d.Errorf("the output contains %.20q:\n%s", leaks, out)
	}
	return result
}

// read reads all pages in one process and returns the ids.
func (d *deployment) read() map[string]bool {
	d.Helper()
	host := harness.Start(d, lambdahost.Config{Bootstrap: d.users, Timeout: time.Minute, Env: d.env}.Start)
	ids, event := map[string]bool{}, map[string]any{"select": []string{"id"}, "top": 999}
	for {
		result := d.send(host, event)
		var page struct {
			Link  string                `json:"@odata.nextLink"`
			Value []struct{ ID string } `json:"value"`
		}
		if result.ErrorType != "" || json.Unmarshal(result.Payload, &page) != nil {
			d.Fatalf("it returned %q, %.400s; the log:\n%s", result.ErrorType, result.Payload, host.Output())
		}
		for _, user := range page.Value {
			ids[user.ID] = true
		}
		if page.Link == "" {
			break
		}
		link, err := url.Parse(page.Link)
		if err != nil {
			d.Fatal(err)
		}
		event = maps.Clone(event)
		event["skiptoken"] = link.Query().Get("$skiptoken")
	}
	for id := range ids {
		if !d.has(id) {
			d.Errorf("nobody has the id %s", id)
		}
	}
	return ids
}

// has reports whether a user of the tenant has an id.
func (d *deployment) has(id string) bool {
	for i := range population {
		if d.tenant.ID(i) == id {
			return true
		}
	}
	return false
}

// keep keeps a text in Secrets Manager and returns its ARN.
func (d *deployment) keep(name, text string) string {
	d.Helper()
	name = fmt.Sprintf("credentials/%s-%d", name, time.Now().UnixNano())
	made, err := d.secrets.CreateSecret(d.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
	if err != nil {
		d.Fatal(err)
	}
	return *made.ARN
}

// stored keeps the identity with further members in Secrets Manager, and has the function
// read it from there.
func (d *deployment) stored(more map[string]string) {
	d.Helper()
	d.env = append(d.env, "ROLLCALL_CREDENTIALS=secretsmanager:"+d.keep("entra", d.identity(more)))
}

// identity is the app's identity with further members.
func (d *deployment) identity(more map[string]string) string {
	d.Helper()
	all := map[string]string{"TenantID": d.tenant.TenantID, "ClientID": d.tenant.ClientID}
	maps.Copy(all, more)
	text, err := json.Marshal(all)
	if err != nil {
		d.Fatal(err)
	}
	return string(text)
}

// variables sets the function's AZURE_ variables and more.
func (d *deployment) variables(more ...string) {
	d.env = slices.Concat(d.env, []string{"AZURE_TENANT_ID=" + d.tenant.TenantID, "AZURE_CLIENT_ID=" + d.tenant.ClientID}, more)
}

// hidden adds parts of a text that must not be in any output.
func (d *deployment) hidden(text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= 48 && !strings.Contains(line, "-----") {
			d.canaries = append(d.canaries, line[:48], line[len(line)-40:])
		}
	}
}
