package template_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
)

const (
	appTenant    = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	appClient    = "c11e47ed-5ec7-4a7e-9d0c-ba9876543210"
	federatedApp = appTenant + "/" + appClient
	signingKey   = "arn:aws:kms:eu-west-1:123456789012:key/signs"
)

// federated are the parameters of a stack without a secret, with a change feed.
func federated(cloud string) map[string]string {
	return publishing(map[string]string{"FederatedApp": federatedApp, "Cloud": cloud})
}

// readers are the functions that read from Graph, and their roles.
func readers() map[string]string {
	return map[string]string{"UsersFunction": "UsersRole", "SnapshotFunction": "SnapshotRole", "ChangesFunction": "ChangesRole"}
}

func TestNobodyHasASecretWithoutHavingSaidSo(t *testing.T) {
	if _, err := whole(t).Resolve(nil); err == nil || !strings.Contains(err.Error(), "FederatedApp") {
		t.Errorf("a stack of which nobody has said how it signs in: %v", err)
	}
	// CloudFormation and SAM keep the value that a stack has, and check it again at each update.
	definition := as[struct{ AllowedPattern string }](t, whole(t).Parameters["FederatedApp"])
	allowed := regexp.MustCompile(definition.AllowedPattern)
	for _, value := range []string{"", "secret"} {
		s := stack(t, map[string]string{"FederatedApp": value})
		if s.Resources["Secret"].Type == "" || s.Outputs["FillSecretCommand"] == nil || !allowed.MatchString(value) {
			t.Errorf("a stack with FederatedApp %q loses its secret", value)
		}
	}
	for _, value := range []string{federatedApp, strings.ToUpper(federatedApp)} {
		if !allowed.MatchString(value) {
			t.Errorf("the app %s cannot be given", value)
		}
	}
	for _, value := range []string{"no", "Secret", "secret ", appTenant, appClient + "/", federatedApp + "/", "contoso.example/" + appClient} {
		if allowed.MatchString(value) {
			t.Errorf("FederatedApp may be %q", value)
		}
	}
}

func TestAFederatedStackKeepsNoSecretOfTheApp(t *testing.T) {
	s := stack(t, federated("public"))
	if _, made := s.Resources["Secret"]; made || s.Outputs["SecretArn"] != nil || s.Outputs["FillSecretCommand"] != nil {
		t.Error("there is a secret")
	}
	for function, role := range readers() {
		variables := as[struct {
			Environment struct{ Variables map[string]string }
		}](t, s.Resources[function].Properties).Environment.Variables
		want := map[string]string{"ROLLCALL_CREDENTIALS": "env:", "ROLLCALL_FEDERATION": "aws", "AZURE_TENANT_ID": appTenant, "AZURE_CLIENT_ID": appClient}
		for name, value := range want {
			if variables[name] != value {
				t.Errorf("%s: %s=%s", function, name, variables[name])
			}
		}
		for resource, actions := range granted(statements(t, s)[role]) {
			if slices.Contains(actions, "secretsmanager:GetSecretValue") && resource != "<SealKey>" {
				t.Errorf("%s reads the secret %s", role, resource)
			}
		}
	}
	if s.Resources["SealKey"].Type == "" {
		t.Error("links are sealed with nothing")
	}
}

func TestAWSVouchesForTheRolesInEntrasWayOnly(t *testing.T) {
	for _, own := range cloud.All() {
		all := statements(t, stack(t, federated(own.Name)))
		for _, role := range readers() {
			var found []statement
			for _, one := range all[role] {
				if slices.Contains(one.Action, "sts:GetWebIdentityToken") {
					found = append(found, one)
				}
			}
			want := []statement{{Effect: "Allow", Action: texts{"sts:GetWebIdentityToken"}, Resource: texts{"*"}, Condition: map[string]map[string]texts{
				"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": {own.TokenExchange}},
				"Null":                      {"sts:IdentityTokenAudience": {"false"}},
				"StringEquals":              {"sts:SigningAlgorithm": {"RS256"}},
				"NumericLessThanEquals":     {"sts:DurationSeconds": {"300"}},
			}}}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("%s, %s: %s", own.Name, role, diff)
			}
		}
	}
	for role, all := range statements(t, stack(t, everything())) {
		for _, one := range all {
			if slices.Contains(one.Action, "sts:GetWebIdentityToken") {
				t.Errorf("%s is vouched for without federation", role)
			}
		}
	}
}

func TestTheRegistrationTrustsTheRolesThatReadAndNoOther(t *testing.T) {
	for parameters, roles := range map[string]string{"yes": "<UsersRole.Arn> <SnapshotRole.Arn> <ChangesRole.Arn>", "no": "<UsersRole.Arn> <SnapshotRole.Arn>"} {
		all := federated("china")
		all["Changes"] = parameters
		command, _ := stack(t, all).Outputs["RegisterCommand"].(string)
		for _, part := range []string{"for role in " + roles + "; do", "--id " + appClient + " ", `"audiences":["api://AzureADTokenExchangeChina"]`, `"name":"'"${role##*/}"'"`} {
			if !strings.Contains(command, part) {
				t.Errorf("%q lacks %q", command, part)
			}
		}
	}
	if command := stack(t, nil).Outputs["RegisterCommand"]; command != nil {
		t.Errorf("without federation: %v", command)
	}
}

func TestAKeyThatSignsDoesNothingElse(t *testing.T) {
	all := statements(t, stack(t, publishing(map[string]string{"SigningKeyArn": signingKey})))
	for _, role := range readers() {
		var found []statement
		for _, one := range all[role] {
			if slices.Contains(one.Resource, signingKey) {
				found = append(found, one)
			}
		}
		want := []statement{{Effect: "Allow", Action: texts{"kms:Sign"}, Resource: texts{signingKey}, Condition: map[string]map[string]texts{
			"StringEquals": {"kms:SigningAlgorithm": {"RSASSA_PSS_SHA_256"}, "kms:MessageType": {"DIGEST"}},
		}}}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s: %s", role, diff)
		}
	}
}

func TestThereIsOneWayToSignIn(t *testing.T) {
	for name, value := range map[string]string{"SecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall-AbCdEf", "SigningKeyArn": signingKey} {
		all := federated("public")
		all[name] = value
		if _, err := resolve(t, all); err == nil || !strings.Contains(err.Error(), "FederatedApp") {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
