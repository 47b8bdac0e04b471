package template_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
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

// The built function rotates with the environment and what the role of the deployed one
// allows, and uses all of it.
func TestTheDeployedRotation(t *testing.T) {
	at := harness.Start(t, moto.Start)
	const rotatorID = "20747a70-0a57-4a7e-9d0c-ba9876543210"
	of := harness.Start(t, tenant.New(simulator.Config{Users: 3, Apps: []simulator.App{{
		ClientID: rotatorID, ClientSecret: "rotator", Roles: []string{"Application.ReadWrite.OwnedBy"}, Owns: []string{simulator.DefaultClientID},
	}}}).Start)
	client := secretsmanager.NewFromConfig(at.Config())
	function, err := at.Function(t.Context(), "rotate")
	if err != nil {
		t.Fatal(err)
	}
	arns := map[string]string{}
	for name, app := range map[string][2]string{"Secret": {of.ClientID, of.ClientSecret}, "RotatorSecret": {rotatorID, "rotator"}} {
		text, err := json.Marshal(map[string]string{"TenantID": of.TenantID, "ClientID": app[0], "ClientSecret": app[1], "KeyID": of.Passwords(app[0])[0].KeyID})
		if err != nil {
			t.Fatal(err)
		}
		made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(string(text))})
		if err != nil {
			t.Fatal(err)
		}
		arns[name] = *made.ARN
	}
	s := stack(t, rotating(nil))
	l := keepLedger(t, at, strings.NewReplacer("<Secret>", arns["Secret"], "<RotatorSecret>", arns["RotatorSecret"]))
	env := append(slices.Concat(at.Environ(), of.Hosts()), "AWS_ENDPOINT_URL="+l.url)
	for name, value := range environment(t, s.Resources["RotateFunction"].Properties) {
		env = append(env, name+"="+l.names.Replace(value))
	}
	host := harness.Start(t, lambdahost.Config{Bootstrap: harness.Release(t, "functions/rotate"), Env: env, Timeout: 10 * time.Minute}.Start)
	secret := arns["Secret"]
	const version = "0d6f8a5e-6e7f-4f5a-9c39-1f6b6f1c8c2f"
	if _, err := client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &secret, ClientRequestToken: aws.String(version), RotationLambdaARN: &function, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		got, err := host.Invoke(t.Context(), []byte(`{"Step":"`+step+`","SecretId":"`+secret+`","ClientRequestToken":"`+version+`"}`))
		if err != nil || got.ErrorType != "" {
			t.Fatalf("%s: %s, %v; the log:\n%s", step, got.Payload, err, host.Output())
		}
	}
	if n := len(of.Passwords(of.ClientID)); n != 2 {
		t.Errorf("the app has %d client secrets", n)
	}
	l.check(t, statements(t, s)["RotateRole"])
}
