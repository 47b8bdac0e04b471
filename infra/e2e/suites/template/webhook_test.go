package template_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// notified are the parameters of a change feed with a webhook, and more.
func notified(more map[string]string) map[string]string {
	all := publishing(map[string]string{"Webhook": "yes"})
	maps.Copy(all, more)
	return all
}

// public is where the webhook answers.
const public = "https://<WebhookApi>.execute-api.eu-west-1.amazonaws.com"

func TestThereIsAWebhookOnlyWhereItIsAskedFor(t *testing.T) {
	s := stack(t, publishing(nil))
	for name := range s.Resources {
		if strings.Contains(name, "Webhook") || strings.HasSuffix(name, "Route") {
			t.Errorf("there is %s", name)
		}
	}
	if variables := environment(t, s.Resources["ChangesFunction"].Properties); variables["ROLLCALL_NOTIFICATION_URL"] != "" || variables["ROLLCALL_WEBHOOK_SECRET"] != "" {
		t.Errorf("the feed subscribes: %v", variables)
	}
	if _, err := resolve(t, map[string]string{"Webhook": "yes"}); err == nil || !strings.Contains(err.Error(), "Changes has to be") {
		t.Errorf("there is a webhook without a change feed: %v", err)
	}
}

func TestTheWebhookMayDoThisAndNoMore(t *testing.T) {
	for machine, parameters := range map[string]map[string]string{"<SnapshotMachine>": notified(nil), "<TenantsMachine>": notified(ofMany())} {
		want := map[string][]string{
			"<WebhookSecret>":    {"secretsmanager:GetSecretValue"},
			"<WebhookLogs.Arn>":  {"logs:CreateLogStream", "logs:PutLogEvents"},
			"<ChangesQueue.Arn>": {"sqs:SendMessage"},
			machine:              {"states:StartExecution"},
		}
		s := stack(t, parameters)
		if diff := cmp.Diff(want, granted(statements(t, s)["WebhookRole"])); diff != "" {
			t.Error(diff)
		}
		variables := map[string]string{
			"ROLLCALL_QUEUE": "<ChangesQueue>", "ROLLCALL_WEBHOOK_SECRET": "secretsmanager:<WebhookSecret>", "ROLLCALL_STATE_MACHINE": machine,
		}
		if diff := cmp.Diff(variables, environment(t, s.Resources["WebhookFunction"].Properties)); diff != "" {
			t.Error(diff)
		}
	}
}

// Anybody can call the webhook. Whoever takes it over still reads nobody.
func TestTheWebhookHasNoWayToTheCredentialsOfGraph(t *testing.T) {
	const own, key = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:entra", "arn:aws:kms:eu-west-1:123456789012:key/secret"
	many := notified(ofMany())
	many["TenantSecrets"] = "*"
	for name, parameters := range map[string]map[string]string{
		"a secret of the stack":           notified(nil),
		"a secret of one's own":           notified(map[string]string{"SecretArn": own}),
		"one key for all secrets":         notified(map[string]string{"SecretArn": own, "SecretKmsKeyArn": key}),
		"secrets of many tenants":         many,
		"with everything that there is":   everything(),
		"a tenants' key of its own, here": notified(map[string]string{"SecretKmsKeyArn": key, "TenantSecretsKmsKeyArn": key}),
	} {
		s := stack(t, parameters)
		for _, one := range statements(t, s)["WebhookRole"] {
			if one.Effect == "Deny" {
				continue
			}
			for _, action := range one.Action {
				switch service, _, _ := strings.Cut(action, ":"); service {
				case "secretsmanager":
					if action != "secretsmanager:GetSecretValue" || !slices.Equal(one.Resource, texts{"<WebhookSecret>"}) {
						t.Errorf("%s: it may %s of %q", name, action, one.Resource)
					}
				case "kms":
					if action != "kms:Decrypt" || !slices.Equal(one.Condition["StringEquals"]["kms:EncryptionContext:SecretARN"], texts{"<WebhookSecret>"}) {
						t.Errorf("%s: it may %s by %v", name, action, one.Condition)
					}
				case "logs", "sqs", "states", "ec2": // of which none has credentials
				default:
					t.Errorf("%s: it may %s", name, action)
				}
			}
		}
		for variable, value := range environment(t, s.Resources["WebhookFunction"].Properties) {
			if strings.Contains(value, "<Secret>") || strings.Contains(value, own) || variable == "ROLLCALL_CREDENTIALS" {
				t.Errorf("%s: its environment leads there: %s=%s", name, variable, value)
			}
		}
	}
}

func TestTheWebhooksSecretIsReadByTheFeedAndItself(t *testing.T) {
	s := stack(t, everything())
	var readers []string
	for role, all := range statements(t, s) {
		for _, one := range all {
			if slices.Contains(one.Resource, "<WebhookSecret>") {
				readers = append(readers, role)
			}
		}
	}
	slices.Sort(readers)
	if want := []string{"ChangesRole", "WebhookRole"}; !slices.Equal(readers, want) {
		t.Errorf("the webhook's secret is read by %q", readers)
	}
}

func TestThePublicHasTwoPathsAndNoOther(t *testing.T) {
	s := stack(t, everything())
	routes := map[string]string{}
	for _, name := range s.Of("AWS::ApiGatewayV2::Route") {
		r := as[struct {
			API                                 string `json:"ApiId"`
			RouteKey, Target, AuthorizationType string
		}](t, s.Resources[name].Properties)
		routes[r.API+" "+r.RouteKey] = r.AuthorizationType + " " + r.Target
	}
	want := map[string]string{
		"<HttpApi> ANY /{proxy+}":          "JWT integrations/<HttpIntegration>",
		"<WebhookApi> POST /notifications": "NONE integrations/<WebhookIntegration>",
		"<WebhookApi> POST /run":           "NONE integrations/<WebhookIntegration>",
	}
	if diff := cmp.Diff(want, routes); diff != "" {
		t.Error(diff)
	}
	if integration := s.Resources["WebhookIntegration"].Properties; integration["IntegrationUri"] != "<WebhookFunction.Arn>" || integration["PayloadFormatVersion"] != "2.0" {
		t.Errorf("they lead to %v", integration)
	}
	if got := s.Resources["WebhookApiMayInvoke"].Properties["SourceArn"]; got != "arn:aws:execute-api:eu-west-1:123456789012:<WebhookApi>/*" {
		t.Errorf("the function is invoked by %v", got)
	}
}

func TestThePublicIsThrottled(t *testing.T) {
	for given, want := range map[string][2]string{"": {"50", "100"}, "7": {"7", "9"}} {
		parameters := notified(nil)
		if given != "" {
			parameters["WebhookRequestsPerSecond"], parameters["WebhookRequestBurst"] = given, "9"
		}
		stage := stack(t, parameters).Resources["WebhookStage"].Properties
		settings := as[struct{ ThrottlingRateLimit, ThrottlingBurstLimit string }](t, stage["DefaultRouteSettings"])
		if stage["StageName"] != "$default" || settings.ThrottlingRateLimit != want[0] || settings.ThrottlingBurstLimit != want[1] {
			t.Errorf("the stage is %v", stage)
		}
	}
}

// Graph makes a subscription for the address that the feed names.
func TestTheFeedSubscribesTheAddressThatAnswers(t *testing.T) {
	s := stack(t, notified(nil))
	variables := environment(t, s.Resources["ChangesFunction"].Properties)
	if got := variables["ROLLCALL_NOTIFICATION_URL"]; got != public+"/notifications" || s.Outputs["NotificationUrl"] != got {
		t.Errorf("it subscribes %q; the output says %v", got, s.Outputs["NotificationUrl"])
	}
	if s.Outputs["WebhookUrl"] != public+"/run" || s.Outputs["ChangesQueueUrl"] != "<ChangesQueue>" || s.Outputs["EventBusName"] != "<Events>" {
		t.Errorf("the outputs are %v", s.Outputs)
	}
	if got := variables["ROLLCALL_WEBHOOK_SECRET"]; got != environment(t, s.Resources["WebhookFunction"].Properties)["ROLLCALL_WEBHOOK_SECRET"] {
		t.Errorf("the feed tells Graph what %s holds, and the webhook expects another", got)
	}
}

func TestNobodyHasToSeeTheClientState(t *testing.T) {
	s := stack(t, notified(map[string]string{"SecretKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/here"}))
	secret := s.Resources["WebhookSecret"].Properties
	want := map[string]any{"SecretStringTemplate": "{}", "GenerateStringKey": "ClientState", "PasswordLength": "64", "ExcludePunctuation": "true"}
	if diff := cmp.Diff(want, secret["GenerateSecretString"]); diff != "" || secret["SecretString"] != nil {
		t.Errorf("it is made so: %s", diff)
	}
	if secret["KmsKeyId"] != "arn:aws:kms:eu-west-1:123456789012:key/here" {
		t.Errorf("it has the key %v", secret["KmsKeyId"])
	}
}

// environment is what a function's environment is made of.
func environment(t *testing.T, function map[string]any) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, value := range function["Environment"].(map[string]any)["Variables"].(map[string]any) {
		all[name] = fmt.Sprint(value)
	}
	return all
}

// The command is run with an aws that keeps the one secret in a file.
func TestTheCommandAddsAKeyThatTheWebhookTakes(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "secret")
	generated := strings.Repeat("Az09", 16)
	if err := os.WriteFile(kept, []byte(`{"ClientState":"`+generated+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const program = `aws() { case "$1 $2" in
		"secretsmanager get-secret-value") cat "$KEPT";;
		"secretsmanager put-secret-value") cat >"$KEPT.new" && mv "$KEPT.new" "$KEPT";;
		*) return 1;;
	esac; }
	`
	command := strings.NewReplacer("<", "", ">", "").Replace(fmt.Sprint(stack(t, notified(nil)).Outputs["HookKeyCommand"]))
	shell := process.NewCommand(t.Context(), "sh", "-c", program+command)
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "KEPT=" + kept}
	if out, err := shell.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	got, err := secret.ParseWebhook(text)
	if err != nil || len(got.HookKeys) != 1 || len(got.ClientStates) != 1 || got.ClientStates[0].Reveal() != generated {
		t.Errorf("the secret is %s, %v", text, err)
	}
}
