package template_test

import (
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// The names that AWS gives.
const (
	bucketName = "rollcall-bucket"
	busName    = "rollcall-events"
)

// feed is the built function with the environment that the template gives it, between a
// simulated tenant and moto.
type feed struct {
	stack  *cloudformation.Stack
	moto   *moto.Server
	tenant *tenant.Tenant
	host   *lambdahost.Host
	queue  *cloud.Queue // of ordered events
}

func startFeed(t *testing.T) *feed {
	t.Helper()
	f := &feed{
		stack: stack(t, notified(map[string]string{"EventsQueue": "yes"})), moto: harness.Start(t, moto.Start),
		tenant: harness.Start(t, tenant.New(simulator.Config{Users: 300, Latency: 200 * time.Millisecond}).Start),
	}
	text, err := f.tenant.Secret(f.tenant.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	secrets := secretsmanager.NewFromConfig(f.moto.Config())
	secret, failed := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("Secret-1"), SecretString: &text})
	own, ownFailed := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("WebhookSecret-1"), SecretString: aws.String(`{"ClientState":"` + strings.Repeat("Az09", 16) + `"}`),
	})
	if err := errors.Join(failed, ownFailed, cloud.CreateBucket(t.Context(), f.moto.Config(), bucketName)); err != nil {
		t.Fatal(err)
	}
	if f.queue, err = cloud.CreateQueue(t.Context(), f.moto.Config(), "ordered.fifo"); err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer(
		"<OrderedEvents.Arn>", f.queue.ARN, "<OrderedEvents>", "https://sqs.eu-west-1.amazonaws.com/"+cloud.Account+"/ordered.fifo",
		"<WebhookSecret>", *own.ARN, "<WebhookApi>", "no-such-api",
		"<Bucket.Arn>", "arn:aws:s3:::"+bucketName, "<Bucket>", bucketName, "<Secret>", *secret.ARN,
		"<Events.Arn>", "arn:aws:events:eu-west-1:123456789012:event-bus/"+busName, "<Events>", busName)
	// Thirty pages take longer than the time limit allows, so that the first run parks.
	env := slices.Concat(f.tenant.Hosts(), f.moto.Environ(), []string{"ROLLCALL_PAGE_SIZE=10"})
	for name, value := range environment(t, f.stack.Resources["ChangesFunction"].Properties) {
		env = append(env, name+"="+names.Replace(value))
	}
	f.host = harness.Start(t, lambdahost.Config{Bootstrap: harness.Release(t, "functions/changes"), Env: env, Timeout: 6 * time.Second}.Start)
	return f
}

// run invokes the function with what the schedule sends, until the result is complete.
func (f *feed) run(t *testing.T) (slices int) {
	t.Helper()
	for {
		slices++
		if f.slice(t).Status == changes.Complete {
			return slices
		}
		f.checkLifecycle(t)
	}
}

func (f *feed) slice(t *testing.T) changes.Result {
	t.Helper()
	input := f.stack.Resources["ChangesTimer"].Properties["Target"].(map[string]any)["Input"].(string)
	answer, err := f.host.Invoke(t.Context(), json.RawMessage(input))
	if err != nil || answer.ErrorType != "" {
		t.Fatalf("%v, %s: %s\n%s", err, answer.ErrorType, answer.ErrorMessage, f.host.Output())
	}
	var result changes.Result
	if err := json.Unmarshal(answer.Payload, &result); err != nil {
		t.Fatalf("it answers %s, %v", answer.Payload, err)
	}
	return result
}

// The function as the template deploys it: rules get what they are for, and nothing that it
// keeps expires.
func TestTheDeployedChangeFeed(t *testing.T) {
	f := startFeed(t)
	inbox := makeRules(t, f.moto)
	if slices := f.run(t); slices == 1 {
		t.Error("the first run did not park")
	}
	for name, queue := range inbox {
		if got, err := queue.Drain(t.Context()); err != nil || len(got) > 0 {
			t.Errorf("%s got %d events of the first run, %v", name, len(got), err)
		}
	}
	joined := f.tenant.Create()
	if err := errors.Join(f.tenant.SetDepartment(5, "Astronomy"), f.tenant.Rename(6, "somebody.else@contoso.example"), f.tenant.Delete(7)); err != nil {
		t.Fatal(err)
	}
	f.run(t)
	if err := f.tenant.Restore(7); err != nil {
		t.Fatal(err)
	}
	f.run(t)
	id := f.tenant.ID
	want := map[string][]string{
		"JoinerRule":   {"rollcall.user.created " + id(joined), "rollcall.user.restored " + id(7)},
		"MoverRule":    {"rollcall.user.updated " + id(5)},
		"LeaverRule":   {"rollcall.user.deleted " + id(7)},
		"DisabledRule": nil,
	}
	if diff := cmp.Diff(want, received(t, inbox)); diff != "" {
		t.Error(diff)
	}
	bodies, err := f.queue.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ordered []string
	for _, body := range bodies {
		var event struct{ Type, Subject string }
		if err := json.Unmarshal(body, &event); err != nil {
			t.Fatal(err)
		}
		if event.Subject == id(7) {
			ordered = append(ordered, event.Type)
		}
	}
	if want := []string{"rollcall.user.deleted", "rollcall.user.restored"}; len(bodies) != 5 || !slices.Equal(ordered, want) {
		t.Errorf("the queue has %d events, those of one user are %q", len(bodies), ordered)
	}
	if shards := f.checkLifecycle(t); shards < 100 {
		t.Errorf("the mirror has %d shards", shards)
	}
}

// checkLifecycle looks for rules of the bucket that would ever delete what the feed keeps.
// Only a comparison that was parked, and that nobody goes on with, may be deleted: it is
// then made anew.
func (f *feed) checkLifecycle(t *testing.T) (shards int) {
	t.Helper()
	client := cloud.S3(f.moto.Config())
	listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucketName)})
	if err != nil {
		t.Fatal(err)
	}
	rules := lifecycle(t, f.stack)
	pointers := 0
	for _, object := range listed.Contents {
		tagged, err := client.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String(bucketName), Key: object.Key})
		if err != nil {
			t.Fatal(err)
		}
		tags := map[string]string{}
		for _, tag := range tagged.TagSet {
			tags[*tag.Key] = *tag.Value
		}
		for _, r := range rules {
			if parked := strings.Contains(*object.Key, "/spill-"); r.expires(*object.Key, tags) != (parked && r.ID == "expendable") {
				t.Errorf("the rule %s deletes %s: %t", r.ID, *object.Key, !parked)
			}
		}
		switch name := path.Base(*object.Key); {
		case name == "pointer.json":
			pointers++
		case len(name) == 2:
			shards++
		}
	}
	if pointers != 1 {
		t.Errorf("the bucket has %d pointers", pointers)
	}
	return shards
}
