package template_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/iam"
)

// everything enables all that is optional, but a filter, with which there are no changes.
func everything() map[string]string {
	return map[string]string{
		"SecretKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/secret",
		"Select":          "id,mail",
		"JwtIssuer":       "https://login.example", "JwtAudience": "api", "JwtScopes": "Users.Read,Users.Export", "JwtRoles": "Users.Read.All",
		"LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/users/50dc6c495c0c9188",
		"MaxLeavers":      "2%", "AlarmEmail": "it@contoso.example",
		"TenantsKey":             "tenants.json",
		"TenantsWriterArn":       "arn:aws:iam::123456789012:role/admin",
		"TenantSecretsRegion":    "eu-central-1",
		"TenantSecretsKmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/tenants",
		"Changes":                "yes",
		"Webhook":                "yes",
		"EventsQueue":            "yes",
		"Rotate":                 "yes",
		"RuleTargetArn":          "arn:aws:sqs:eu-west-1:123456789012:people",
		"BucketAccessLogs":       "yes", "ApiAccessLogs": "yes",
		"LogsKmsKeyArn":          "arn:aws:kms:eu-west-1:123456789012:key/logs",
		"CodeSigningConfigArn":   "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-1",
		"TenantIds":              "11111111-1111-4111-8111-111111111111,22222222-2222-4222-8222-222222222222",
		"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/bound",
		"SubnetIds":              "subnet-1", "SecurityGroupIds": "sg-1",
	}
}

// stacks are those that tests check.
func stacks(t *testing.T) map[string]*cloudformation.Stack {
	t.Helper()
	return map[string]*cloudformation.Stack{
		"with the defaults":              stack(t, map[string]string{"FederatedApp": federatedApp}),
		"with a secret":                  stack(t, nil),
		"with everything":                stack(t, everything()),
		"with a filter":                  stack(t, map[string]string{"Filter": "accountEnabled eq true"}),
		"with the changes of one tenant": stack(t, publishing(nil)),
		"with a webhook":                 stack(t, notified(nil)),
		"with federation and changes":    stack(t, federated("public")),
		"with a key that signs":          stack(t, publishing(map[string]string{"SigningKeyArn": signingKey})),
		"with a rotation":                stack(t, rotating(nil)),
	}
}

// publishing are the parameters of a change feed, and more.
func publishing(more map[string]string) map[string]string {
	all := map[string]string{"Changes": "yes"}
	maps.Copy(all, more)
	return all
}

// ofMany are those of several tenants.
func ofMany() map[string]string {
	return publishing(map[string]string{"TenantsKey": "tenants.json", "TenantsWriterArn": "arn:aws:iam::123456789012:role/admin"})
}

func stack(t *testing.T, parameters map[string]string) *cloudformation.Stack {
	t.Helper()
	s, err := resolve(t, parameters)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// resolve makes a stack of an app with a secret, unless the parameters name a federated one:
// of the two ways to sign in it is the one with more to check.
func resolve(t *testing.T, parameters map[string]string) (*cloudformation.Stack, error) {
	t.Helper()
	all := map[string]string{"FederatedApp": "secret"}
	maps.Copy(all, parameters)
	return whole(t).Resolve(all)
}

func whole(t *testing.T) *cloudformation.Template {
	t.Helper()
	all, err := cloudformation.Read(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// as reads a part of a template into a typed value, so that a test can name fields.
func as[T any](t *testing.T, part any) T {
	t.Helper()
	text, err := json.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	var typed T
	if err := json.Unmarshal(text, &typed); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return typed
}

// What policies are made of.
type (
	texts     = iam.Texts
	statement = iam.Statement
	document  = iam.Document
)
