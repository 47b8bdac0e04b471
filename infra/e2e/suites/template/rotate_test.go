package template_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ownRotator = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rotator-AbCdEf"

// rotating are the parameters of a stack whose client secret is rotated, and more.
func rotating(more map[string]string) map[string]string {
	all := map[string]string{"Rotate": "yes"}
	maps.Copy(all, more)
	return all
}

func TestTheSecretIsRotatedOnlyWhereItIsAskedFor(t *testing.T) {
	for _, parameters := range []map[string]string{nil, {"RotatorSecretArn": ownRotator}} {
		s := stack(t, parameters)
		for name := range s.Resources {
			if strings.Contains(name, "Rotat") {
				t.Errorf("there is %s", name)
			}
		}
	}
	if s := stack(t, rotating(map[string]string{"RotatorSecretArn": ownRotator})); s.Resources["RotatorSecret"].Type != "" {
		t.Error("there is a secret for the rotator, who has one")
	}
}

func TestTheFunctionThatRotatesMayDoThisAndNoMore(t *testing.T) {
	const own, key = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:entra-AbCdEf", "arn:aws:kms:eu-west-1:123456789012:key/secret"
	for name, c := range map[string]struct {
		more            map[string]string
		secret, rotator string
	}{
		"secrets of the stack":   {nil, "<Secret>", "<RotatorSecret>"},
		"secrets of one's own":   {map[string]string{"SecretArn": own, "RotatorSecretArn": ownRotator}, own, ownRotator},
		"one of each":            {map[string]string{"SecretArn": own}, own, "<RotatorSecret>"},
		"with a key":             {map[string]string{"SecretKmsKeyArn": key}, "<Secret>", "<RotatorSecret>"},
		"with all that there is": {map[string]string{"Changes": "yes", "Webhook": "yes", "TenantsKey": "t.json", "TenantsWriterArn": "arn:aws:iam::123456789012:role/admin"}, "<Secret>", "<RotatorSecret>"},
	} {
		s := stack(t, rotating(c.more))
		want := map[string][]string{
			c.secret:           {"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"},
			c.rotator:          {"secretsmanager:GetSecretValue"},
			"<RotateLogs.Arn>": {"logs:CreateLogStream", "logs:PutLogEvents"},
		}
		if c.more["SecretKmsKeyArn"] != "" {
			want[key] = []string{"kms:Decrypt", "kms:GenerateDataKey"}
		}
		may := statements(t, s)["RotateRole"]
		if diff := cmp.Diff(want, granted(may)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, one := range may {
			if strings.HasPrefix(one.Action[0], "kms:") && !slices.Equal(one.Condition["StringEquals"]["kms:EncryptionContext:SecretARN"], texts{c.secret, c.rotator}) {
				t.Errorf("%s: it uses the key for other secrets: %+v", name, one)
			}
		}
		variables := map[string]string{
			"ROLLCALL_CREDENTIALS": "secretsmanager:" + c.rotator, "ROLLCALL_CLOUD": "public", "ROLLCALL_ROTATED_SECRET": c.secret, "ROLLCALL_SECRET_LIFETIME": "2160h",
		}
		if diff := cmp.Diff(variables, environment(t, s.Resources["RotateFunction"].Properties)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		permission := s.Resources["RotateMayBeInvoked"].Properties
		if permission["Principal"] != "secretsmanager.amazonaws.com" || permission["SourceAccount"] != "123456789012" || permission["SourceArn"] != c.secret ||
			permission["Action"] != "lambda:InvokeFunction" || permission["FunctionName"] != "<RotateFunction>" {
			t.Errorf("%s: it is invoked by %v", name, permission)
		}
		schedule := map[string]any{
			"SecretId": c.secret, "RotationLambdaARN": "<RotateFunction.Arn>", "RotateImmediatelyOnUpdate": "false",
			"RotationRules": map[string]any{"ScheduleExpression": "rate(30 days)"},
		}
		if diff := cmp.Diff(schedule, s.Resources["Rotation"].Properties); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whoever takes over a function that reads gets no client secret but the one in use; whoever
// reads the rotator's secret could make more.
func TestNobodyButTheFunctionThatRotatesReadsTheRotatorsSecret(t *testing.T) {
	s := stack(t, everything())
	for role, all := range statements(t, s) {
		for _, one := range all {
			for _, action := range one.Action {
				if role != "RotateRole" && slices.Contains(one.Resource, "<RotatorSecret>") {
					t.Errorf("%s may %s of it", role, action)
				}
				if role != "RotateRole" && (action == "secretsmanager:PutSecretValue" || action == "secretsmanager:UpdateSecretVersionStage") {
					t.Errorf("%s may %s", role, action)
				}
			}
		}
	}
}

func TestTheOutputsFillTheRotatorsSecretAndRotate(t *testing.T) {
	s := stack(t, rotating(nil))
	for output, want := range map[string]string{
		"FillRotatorSecretCommand": "aws secretsmanager put-secret-value --region eu-west-1 --secret-id <RotatorSecret> --secret-string file:///dev/stdin",
		"RotateCommand":            "aws secretsmanager rotate-secret --region eu-west-1 --secret-id <Secret>",
	} {
		if s.Outputs[output] != want {
			t.Errorf("%s is %v", output, s.Outputs[output])
		}
	}
}
