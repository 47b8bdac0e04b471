package iam_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
)

// functions sets what the machines' functions answer.
func (a *account) functions(err error) {
	for _, name := range []string{"SnapshotFunction", "ChangesFunction"} {
		a.aws.Function(name, func(context.Context, json.RawMessage) (any, error) {
			return map[string]string{"status": "complete"}, err
		})
	}
}

// execute runs a machine to its end. want is how it has to end, and which alarm it has to
// send, "" for none.
func (a *account) execute(t *testing.T, machine, input, want, subject string) error {
	if _, err := a.topic.Messages(t.Context()); err != nil {
		return err
	}
	got, err := a.aws.Run(t.Context(), a.names.Replace("<"+machine+">"), "", input)
	if err != nil {
		return err
	}
	if string(got.Status) != want {
		return fmt.Errorf("%s of %s is %s: %s, %s", machine, input, got.Status, got.Error, got.Cause)
	}
	alarms, err := a.topic.Messages(t.Context())
	if err != nil {
		return err
	}
	for _, alarm := range alarms {
		if alarm.Subject == subject {
			return nil
		}
	}
	if subject != "" {
		return fmt.Errorf("%s of %s sends no alarm", machine, input)
	}
	return nil
}

// snapshotMachine publishes, and alarms of what failed.
func (a *account) snapshotMachine(t *testing.T) error {
	a.functions(nil)
	if err := a.execute(t, "SnapshotMachine", `{}`, "SUCCEEDED", ""); err != nil {
		return err
	}
	a.functions(&stepfunctions.Fault{Type: "Snapshot.Suspect", Message: "half of it is gone"})
	defer a.functions(nil)
	return a.execute(t, "SnapshotMachine", `{}`, "FAILED", "Rollcall: a snapshot was not published")
}

// tenantsMachine publishes every tenant, one of them, and alarms of those that failed.
func (a *account) tenantsMachine(t *testing.T) error {
	a.functions(nil)
	for _, input := range []string{`{}`, `{"run":"r","tenant":"` + a.tenant.TenantID + `"}`} {
		if err := a.execute(t, "TenantsMachine", input, "SUCCEEDED", ""); err != nil {
			return err
		}
	}
	a.functions(&stepfunctions.Fault{Type: "Snapshot.Suspect", Message: "half of it is gone"})
	defer a.functions(nil)
	return a.execute(t, "TenantsMachine", `{}`, "FAILED", "Rollcall: not every tenant was published")
}

// changesMachine tells the queue of every tenant.
func (a *account) changesMachine(t *testing.T) error {
	queue, err := cloud.CreateQueue(t.Context(), a.aws.Config(), "ChangesQueue.fifo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = queue.Drain(t.Context()); err != nil {
		return err
	}
	if err := a.execute(t, "ChangesMachine", `{}`, "SUCCEEDED", ""); err != nil {
		return err
	}
	if n, err := queue.Len(t.Context()); err != nil || n != 1 {
		return fmt.Errorf("the queue has %d messages, %w", n, err)
	}
	return nil
}

// schedule does what EventBridge Scheduler does with a schedule: it calls the target, and
// sends what it could not deliver to the queue.
func (a *account) schedule(name string) func(t *testing.T) error {
	return func(t *testing.T) error {
		var target struct {
			Arn, RoleArn, Input string
			DeadLetterConfig    struct{ Arn string }
		}
		text, err := json.Marshal(a.stack.Resources[name].Properties["Target"])
		if err == nil {
			err = json.Unmarshal(text, &target)
		}
		if err != nil {
			t.Fatal(err)
		}
		keys := a.keys[strings.TrimSuffix(strings.TrimPrefix(target.RoleArn, "<"), ".Arn>")]
		value := func(i int) string { return keys[i][strings.IndexByte(keys[i], '=')+1:] }
		cfg := aws.Config{Region: cloud.Region, BaseEndpoint: &a.aws.URL, Credentials: credentials.NewStaticCredentialsProvider(value(0), value(1), value(2))}
		if arn := a.names.Replace(target.Arn); strings.HasPrefix(arn, "arn:aws:states:") {
			input := strings.ReplaceAll(target.Input, "<aws.scheduler.scheduled-time>", uuid.NewString())
			_, err = sfn.NewFromConfig(cfg).StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &arn, Input: &input})
		} else {
			err = a.call(t, value(0), arn, target.Input)
		}
		if err != nil {
			return err
		}
		queue := "https://sqs.eu-west-1.amazonaws.com/" + cloud.Account + "/" + strings.TrimPrefix(a.names.Replace(target.DeadLetterConfig.Arn), arn("sqs", ""))
		_, err = sqs.NewFromConfig(cfg).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String("{}")})
		return err
	}
}

// call invokes a function as a service does.
func (a *account) call(t *testing.T, key, function, input string) error {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.aws.URL+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader(input))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260101/"+cloud.Region+"/lambda/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s, %w", resp.Status, text, err)
	}
	return nil
}

// tenantsFile has the one tenant, with credentials of its own.
func (a *account) tenantsFile(t *testing.T, key string) {
	t.Helper()
	secret := a.makeSecret(t, "rollcall/"+a.tenant.TenantID, a.valueOf(t, "Secret"))
	a.gate.Account.Keys[secret] = key
	bucket, file := a.names.Replace("<Bucket>"), `[{"tenant":"`+a.tenant.TenantID+`","credentials":"secretsmanager:`+secret+`"}]`
	if _, err := cloud.S3(a.aws.Config()).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("tenants.json"), Body: strings.NewReader(file)}); err != nil {
		t.Fatal(err)
	}
}
