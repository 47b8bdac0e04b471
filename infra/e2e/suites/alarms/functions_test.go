package alarms_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudwatch"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// lasting is how often a function fails for those alarms that look at the last hour, once in a
// quarter of it.
const lasting = 3

func TestAnAPIThatKeepsFailingAlarms(t *testing.T) {
	w := watch(t)
	api := function{name: "UsersFunction", folder: "users", env: startTenant(t, 50).Environ()}
	w.run(api, `{"top":5}`, "")
	w.want(cloudwatch.OK, "UsersFailAlarm", "ThrottledAlarm")
	broken := api.down()
	for i := range lasting {
		w.wait(15 * time.Minute)
		w.run(broken, `{"top":5}`, "Graph.Unavailable")
		if i == 0 {
			w.want(cloudwatch.OK, "UsersFailAlarm") // once is not worth a mail
		}
	}
	w.want(cloudwatch.Alarming, "UsersFailAlarm")
	w.want(cloudwatch.OK, "ChangesFailAlarm", "ThrottledAlarm")
	w.wait(time.Hour)
	w.want(cloudwatch.OK, "UsersFailAlarm")
}

func TestThrottlingThatLastsAlarms(t *testing.T) {
	w := watch(t)
	of := startTenant(t, 50)
	api := function{name: "UsersFunction", folder: "users", env: of.Environ()}
	f := snapshots(of, t.TempDir())
	storm, err := simulator.ParseFault("429-storm") // six times
	if err != nil {
		t.Fatal(err)
	}
	for i := range lasting {
		of.AddFault(storm)
		w.run(f, `{}`, "")
		of.AddFault(storm)
		w.run(api, `{"top":5}`, "")
		want := cloudwatch.OK
		if i+1 == lasting {
			want = cloudwatch.Alarming
		}
		w.want(want, "ThrottledAlarm")
		w.want(cloudwatch.OK, "SnapshotFailAlarm", "UsersFailAlarm")
		w.wait(15 * time.Minute)
	}
	w.run(f, `{}`, "")
	w.wait(30 * time.Minute)
	w.want(cloudwatch.OK, "ThrottledAlarm")
}

func TestACredentialThatEndsSoonAlarms(t *testing.T) {
	w := watch(t)
	of, dir := startTenant(t, 50), t.TempDir()
	file := filepath.Join(dir, "secret.json")
	f := function{name: "SnapshotFunction", folder: "snapshot", env: slices.Concat(of.Hosts(), publishes(filepath.Join(dir, "out")), []string{"ROLLCALL_CREDENTIALS=file:" + file})}
	api := function{name: "UsersFunction", folder: "users", env: slices.Concat(of.Hosts(), []string{"ROLLCALL_CREDENTIALS=file:" + file})}
	keep := func(days int) {
		if err := os.WriteFile(file, []byte(secret(t, of.Access, of.ClientID, of.ClientSecret, days)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.want(cloudwatch.Insufficient, "ExpiryAlarm")
	keep(60)
	w.run(f, `{}`, "")
	w.want(cloudwatch.OK, "ExpiryAlarm")
	w.wait(24 * time.Hour)
	keep(10)
	w.run(api, `{"top":5}`, "")
	w.want(cloudwatch.Alarming, "ExpiryAlarm")
	w.wait(48 * time.Hour) // nobody has done anything
	w.want(cloudwatch.Alarming, "ExpiryAlarm")
	keep(180)
	w.run(f, `{}`, "")
	w.want(cloudwatch.OK, "ExpiryAlarm")
}

// secret is what a secret contains that ends in so many days.
func secret(t *testing.T, of tenant.Access, id, value string, days int) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{
		"TenantID": of.TenantID, "ClientID": id, "ClientSecret": value, "ExpiresAt": time.Now().AddDate(0, 0, days).Format(time.RFC3339),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestChangesThatFailOrAreHeldBackAlarm(t *testing.T) {
	w := watch(t)
	of := startTenant(t, 100)
	at := harness.Start(t, moto.Start)
	bus, err := cloud.CreateQueue(t.Context(), at.Config(), "events")
	if err != nil {
		t.Fatal(err)
	}
	env := publishes(t.TempDir())
	env[0] += " sqs:" + bus.URL
	f := function{name: "ChangesFunction", folder: "changes", env: slices.Concat(of.Environ(), at.Environ(), env)}
	w.run(f, `{}`, "")
	w.want(cloudwatch.OK, "ChangesFailAlarm", "ChangesSuspectAlarm", "ThrottledAlarm")
	for i := range 30 {
		if err := of.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	w.wait(15 * time.Minute)
	w.run(f, `{}`, "Snapshot.Suspect")
	w.want(cloudwatch.Alarming, "ChangesSuspectAlarm")
	w.want(cloudwatch.OK, "ChangesFailAlarm")
	w.want(cloudwatch.Insufficient, "SuspectAlarm")
	for i := range 30 { // it was a mistake
		if err := of.Restore(i); err != nil {
			t.Fatal(err)
		}
	}
	w.wait(15 * time.Minute)
	w.run(f, `{}`, "")
	w.want(cloudwatch.OK, "ChangesSuspectAlarm")
	// Messages of a queue that fail are no errors of Lambda's.
	w.wait(time.Hour)
	message := `{"Records":[{"messageId":"1","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:changes.fifo","body":"{\"tenant\":\"` + of.TenantID + `\"}","attributes":{"MessageGroupId":"` + of.TenantID + `","ApproximateReceiveCount":"1","SentTimestamp":"1"}}]}`
	broken := f.down()
	for range lasting {
		w.want(cloudwatch.OK, "ChangesFailAlarm")
		w.wait(15 * time.Minute)
		w.run(broken, message, "")
	}
	w.want(cloudwatch.Alarming, "ChangesFailAlarm")
}

func TestAnAppThatRotatesAndEndsSoonAlarms(t *testing.T) {
	w := watch(t)
	at := harness.Start(t, moto.Start)
	of := harness.Start(t, tenant.New(simulator.Config{Users: 3, Apps: []simulator.App{tenant.Rotator()}}).Start)
	client := secretsmanager.NewFromConfig(at.Config())
	create := func(name, text string) string {
		made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
		if err != nil {
			t.Fatal(err)
		}
		return *made.ARN
	}
	lambda, err := at.Function(t.Context(), "rotate")
	if err != nil {
		t.Fatal(err)
	}
	own, rotated := create("rotator", secret(t, of.Access, tenant.RotatorID, tenant.RotatorSecret, 10)), create("reader", secret(t, of.Access, of.ClientID, of.ClientSecret, 90))
	const version = "0d6f8a5e-6e7f-4f5a-9c39-1f6b6f1c8c2f"
	if _, err := client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &rotated, ClientRequestToken: aws.String(version), RotationLambdaARN: &lambda, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	}); err != nil {
		t.Fatal(err)
	}
	f := function{name: "RotateFunction", folder: "rotate", env: slices.Concat(at.Environ(), of.Hosts(), []string{
		"ROLLCALL_CREDENTIALS=secretsmanager:" + own, "ROLLCALL_ROTATED_SECRET=" + rotated, "ROLLCALL_SECRET_LIFETIME=2160h",
	})}
	w.run(f, `{"Step":"createSecret","SecretId":"`+rotated+`","ClientRequestToken":"`+version+`"}`, "")
	w.want(cloudwatch.Alarming, "RotatorExpiryAlarm")
	w.want(cloudwatch.OK, "RotateAlarm")
	w.want(cloudwatch.Insufficient, "ExpiryAlarm")
	text := secret(t, of.Access, tenant.RotatorID, tenant.RotatorSecret, 300)
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &own, SecretString: &text}); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Hour)
	w.run(f, `{"Step":"testSecret","SecretId":"`+rotated+`","ClientRequestToken":"`+version+`"}`, "")
	w.want(cloudwatch.OK, "RotatorExpiryAlarm")
	// Of a version that is not there.
	w.run(f, strings.ReplaceAll(`{"Step":"testSecret","SecretId":"`+rotated+`","ClientRequestToken":"`+version+`"}`, "0d6f", "ffff"), "State.Invalid")
	w.want(cloudwatch.Alarming, "RotateAlarm")
}
