// Package iam_test runs every function and state machine of template.yaml as its own role:
// what a job asks for it may do, what it may not do it does not get, and what it may do it
// needs.
package iam_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/iam"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// account is an AWS account in which a stack was made, as far as jobs need it, with a tenant
// to read.
type account struct {
	stack  *cloudformation.Stack
	aws    *stepfunctions.Server
	gate   *iam.Gate
	tenant *tenant.Tenant
	// identity is the value of the secret, "" for a client secret.
	identity string
	names    *strings.Replacer
	roles    map[string]*iam.Role // by the name in the template
	keys     map[string][]string  // of the roles, as a function's environment has them
	topic    *stepfunctions.Topic
	faults   map[int]bool // of the tenant that wait, by the status of the answer
}

const encrypts = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-4333-8444-555555555555"

// deploy makes the account of a stack with these parameters.
func deploy(t *testing.T, parameters map[string]string, directory *tenant.Tenant, identity string) *account {
	t.Helper()
	template, err := cloudformation.Read(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a := &account{tenant: directory, identity: identity, roles: map[string]*iam.Role{}, keys: map[string][]string{}, faults: map[int]bool{}}
	all := map[string]string{"FederatedApp": ""}
	maps.Copy(all, parameters)
	if a.stack, err = template.Resolve(all); err != nil {
		t.Fatal(err)
	}
	a.gate = &iam.Gate{Account: iam.Account{Keys: map[string]string{}}, Elsewhere: map[string]http.Handler{"kms": directory.Handler(), "sts": directory.Handler()}}
	a.aws = harness.Start(t, stepfunctions.Config{Roles: true, Gate: a.gate.Before}.Start)
	a.makeResources(t)
	a.makeRoles(t)
	a.makeMachines(t)
	return a
}

// makeResources makes what jobs use, and finds the names of all that there is.
func (a *account) makeResources(t *testing.T) {
	t.Helper()
	cfg, names := a.aws.Config(), []string{}
	for name, resource := range a.stack.Resources {
		ref, attributes := name, map[string]string{"Arn": arn(name)}
		var err error
		switch resource.Type {
		case "AWS::S3::Bucket":
			ref, attributes["Arn"] = "stack-"+strings.ToLower(name), "arn:aws:s3:::stack-"+strings.ToLower(name)
			err = cloud.CreateBucket(t.Context(), cfg, ref)
			a.gate.Account.Keys[attributes["Arn"]] = encrypts
		case "AWS::SQS::Queue":
			if resource.Properties["FifoQueue"] == "true" {
				ref += ".fifo"
			}
			_, err = cloud.CreateQueue(t.Context(), cfg, ref)
			attributes["Arn"] = arn("sqs", ref)
			ref = "https://sqs.eu-west-1.amazonaws.com/" + cloud.Account + "/" + ref
		case "AWS::SNS::Topic":
			a.topic, err = a.aws.Topic(t.Context(), name)
			ref = arn("sns", name)
			a.gate.Account.Keys[ref] = encrypts
		case "AWS::SecretsManager::Secret":
			ref = a.makeSecret(t, name, a.valueOf(t, name))
			if key := resource.Properties["KmsKeyId"]; key != nil {
				a.gate.Account.Keys[ref] = key.(string)
			}
		case "AWS::Events::EventBus":
			attributes["Arn"] = arn("events", "event-bus/"+ref)
			_, err = eventbridge.NewFromConfig(cfg).CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &ref})
		case "AWS::Serverless::StateMachine":
			attributes["Name"], ref = name, arn("states", "stateMachine:"+name)
		case "AWS::Serverless::Function":
			attributes["Arn"] = arn("lambda", "function:"+name)
			if name == "RotateFunction" {
				err = a.aws.Rotator(t.Context(), name)
			}
		case "AWS::KMS::Key":
			attributes["Arn"] = encrypts
		case "AWS::IAM::Role":
			attributes["Arn"] = roleARN(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, "<"+name+">", ref)
		for attribute, value := range attributes {
			names = append(names, "<"+name+"."+attribute+">", value)
		}
	}
	a.names = strings.NewReplacer(names...)
}

func arn(service string, name ...string) string {
	return "arn:aws:" + service + ":" + cloud.Region + ":" + cloud.Account + ":" + strings.Join(name, ":")
}

// roleARN is the ARN of a role, which is called as what it is for.
func roleARN(role string) string {
	return "arn:aws:iam::" + cloud.Account + ":role/" + strings.TrimSuffix(role, "Role")
}

// valueOf is what a secret of the stack holds once it was filled.
func (a *account) valueOf(t *testing.T, secret string) string {
	t.Helper()
	switch secret {
	case "Secret":
		if a.identity != "" {
			return a.identity
		}
		text, err := a.tenant.Secret(a.tenant.ClientSecret)
		if err != nil {
			t.Fatal(err)
		}
		return text
	case "RotatorSecret":
		return fmt.Sprintf(`{"TenantID":%q,"ClientID":%q,"ClientSecret":%q}`, a.tenant.TenantID, tenant.RotatorID, tenant.RotatorSecret)
	case "WebhookSecret":
		return `{"ClientState":"` + clientState + `","HookKey":"whsec_` + string(hookKey) + `"}`
	}
	return strings.Repeat("Az09", 16)
}

// makeSecret makes a secret and returns its ARN.
func (a *account) makeSecret(t *testing.T, name, text string) string {
	t.Helper()
	made, err := secretsmanager.NewFromConfig(a.aws.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
	if err != nil {
		t.Fatal(err)
	}
	return *made.ARN
}

// makeRoles makes the roles of the stack with their policies, and assumes them.
func (a *account) makeRoles(t *testing.T) {
	t.Helper()
	all, err := iam.Statements(a.stack)
	if err != nil {
		t.Fatal(err)
	}
	for name, statements := range all {
		role := iam.NewRole(name, roleARN(name), statements, a.names)
		session, err := role.Create(t.Context(), a.aws.URL)
		if err != nil {
			t.Fatal(err)
		}
		a.roles[name], a.keys[name] = role, session.Environ()
		a.gate.Admit(session.AccessKeyID, role)
	}
	for _, of := range []string{"BucketPolicy", "EventsPolicy"} {
		statements, err := iam.Denials(a.stack, of, a.names)
		if err != nil {
			t.Fatal(err)
		}
		a.gate.Resource = append(a.gate.Resource, statements...)
	}
}

// without runs something while a role lacks a grant, and returns what it was refused.
func (a *account) without(t *testing.T, role *iam.Role, grant string, do func() error) (refused []iam.Call, err error) {
	t.Helper()
	take := func(grant string) {
		a.gate.TakeAway(role, grant)
		if err := role.Put(t.Context(), a.aws.URL); err != nil {
			t.Fatal(err)
		}
	}
	take(grant)
	defer take("")
	err = do()
	return a.gate.Refused(role), err
}

// makeMachines makes the state machines of the stack, whose functions do what the jobs say.
func (a *account) makeMachines(t *testing.T) {
	t.Helper()
	machines := a.stack.Of("AWS::Serverless::StateMachine")
	for _, name := range machines {
		properties := a.stack.Resources[name].Properties
		substitutions := map[string]string{}
		for placeholder, value := range properties["DefinitionSubstitutions"].(map[string]any) {
			substitutions[placeholder] = a.names.Replace(fmt.Sprint(value))
		}
		file := properties["DefinitionUri"].(string)
		got, err := a.aws.Deploy(t.Context(), name, file[strings.LastIndexByte(file, '/')+1:], substitutions, `"ExecutionType":"EXPRESS"`, `"ExecutionType":"STANDARD"`) // moto knows no other
		if err != nil {
			t.Fatal(err)
		}
		if want := a.names.Replace("<" + name + ">"); got != want {
			t.Fatalf("%s is %s, want %s", name, got, want)
		}
	}
}

// environ is the environment of a function of the stack, which is its role.
func (a *account) environ(function string) []string {
	env := slices.Concat(a.tenant.Hosts(), a.keys[strings.TrimSuffix(function, "Function")+"Role"], []string{"AWS_ENDPOINT_URL=" + a.aws.URL})
	for name, value := range a.stack.Resources[function].Properties["Environment"].(map[string]any)["Variables"].(map[string]any) {
		env = append(env, name+"="+a.names.Replace(fmt.Sprint(value)))
	}
	return env
}

// directory is a tenant whose app another one may give client secrets.
func directory(t *testing.T) *tenant.Tenant {
	t.Helper()
	return harness.Start(t, tenant.New(simulator.Config{Users: 40, Apps: []simulator.App{tenant.Rotator()}}).Start)
}
