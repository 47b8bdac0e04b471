package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decrypts are the keys by which a role may read secrets, and the service of each.
func decrypts(t *testing.T, parameters map[string]string, role string) map[string]string {
	t.Helper()
	keys := map[string]string{}
	for _, one := range statements(t, stack(t, parameters))[role] {
		if one.Action[0] == "kms:Decrypt" && len(one.Action) == 1 {
			keys[one.Resource[0]] = one.Condition["StringEquals"]["kms:ViaService"][0]
		}
	}
	return keys
}

func TestAKeyIsUsedByTheSecretsManagerOfItsOwnRegion(t *testing.T) {
	const here, there = "arn:aws:kms:eu-west-1:123456789012:key/here", "arn:aws:kms:us-east-1:123456789012:key/there"
	const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rollcall/entra-AbCdEf"
	for key, want := range map[string]string{here: "secretsmanager.eu-west-1.amazonaws.com", there: "secretsmanager.us-east-1.amazonaws.com"} {
		for _, role := range []string{"UsersRole", "SnapshotRole", "ChangesRole"} { // for the webhook's see there
			if diff := cmp.Diff(map[string]string{key: want}, decrypts(t, publishing(map[string]string{"SecretArn": secret, "SecretKmsKeyArn": key}), role)); diff != "" {
				t.Errorf("%s: %s", role, diff)
			}
		}
	}
}

func TestAKeyOfAnotherRegionEncryptsNoSecretThatIsMadeHere(t *testing.T) {
	for key, want := range map[string]any{
		"": nil,
		"arn:aws:kms:eu-west-1:123456789012:key/here":  "arn:aws:kms:eu-west-1:123456789012:key/here",
		"arn:aws:kms:us-east-1:123456789012:key/there": nil,
	} {
		s := stack(t, notified(rotating(map[string]string{"SecretKmsKeyArn": key})))
		for _, name := range []string{"Secret", "SealKey", "WebhookSecret", "RotatorSecret"} {
			if got := s.Resources[name].Properties["KmsKeyId"]; got != want {
				t.Errorf("with the key %q %s has the key %v", key, name, got)
			}
		}
	}
}

func TestTheTenantsSecretsMayBeInAnotherRegionWithAKeyOfTheirOwn(t *testing.T) {
	tenants := ofMany()
	tenants["TenantSecrets"] = "entra/*"
	for region, want := range map[string]string{"": "eu-west-1", "eu-central-1": "eu-central-1"} {
		tenants["TenantSecretsRegion"] = region
		resource := "arn:aws:secretsmanager:" + want + ":123456789012:secret:entra/*"
		for _, role := range []string{"SnapshotRole", "ChangesRole"} {
			if got := granted(statements(t, stack(t, tenants))[role])[resource]; len(got) != 1 || got[0] != "secretsmanager:GetSecretValue" {
				t.Errorf("in %q the role %s may do %q", region, role, got)
			}
		}
	}
	const key = "arn:aws:kms:eu-central-1:123456789012:key/tenants"
	tenants["TenantSecretsKmsKeyArn"] = key
	for _, role := range []string{"SnapshotRole", "ChangesRole"} {
		if diff := cmp.Diff(map[string]string{key: "secretsmanager.eu-central-1.amazonaws.com"}, decrypts(t, tenants, role)); diff != "" {
			t.Errorf("%s: %s", role, diff)
		}
	}
	if got := decrypts(t, tenants, "UsersRole"); len(got) > 0 {
		t.Errorf("the API uses the tenants' key: %v", got)
	}
}
