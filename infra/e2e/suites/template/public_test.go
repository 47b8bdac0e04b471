package template_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// webhook is the built function with the environment that the template gives it, behind an
// HTTP API, and with a secret as the template makes it.
type webhook struct {
	front  *gateway.Server
	client *http.Client
	queue  *cloud.Queue
	state  string // the client state
	key    signature.Key
}

const hookKey = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func startWebhook(t *testing.T) *webhook {
	t.Helper()
	at := harness.Start(t, moto.Start)
	w := &webhook{state: strings.Repeat("Az09", 16)}
	var err error
	if w.key, err = signature.ParseKey(hookKey); err != nil {
		t.Fatal(err)
	}
	if w.queue, err = cloud.CreateQueue(t.Context(), at.Config(), "changes.fifo"); err != nil {
		t.Fatal(err)
	}
	secret, err := secretsmanager.NewFromConfig(at.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("WebhookSecret-1"), SecretString: aws.String(`{"ClientState":"` + w.state + `","HookKey":"` + hookKey + `"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	machine, err := sfn.NewFromConfig(at.Config()).CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("SnapshotMachine-1"), RoleArn: aws.String("arn:aws:iam::" + cloud.Account + ":role/machine"),
		Definition: aws.String(`{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("<WebhookSecret>", *secret.ARN, "<SnapshotMachine>", *machine.StateMachineArn,
		"<ChangesQueue>", "https://sqs.eu-west-1.amazonaws.com/"+cloud.Account+"/changes.fifo")
	env := at.Environ()
	for name, value := range environment(t, stack(t, notified(nil)).Resources["WebhookFunction"].Properties) {
		env = append(env, name+"="+names.Replace(value))
	}
	host := harness.Start(t, lambdahost.Config{Bootstrap: harness.Release(t, "functions/webhook"), Env: env, Timeout: 10 * time.Second}.Start)
	w.front = gateway.Start(gateway.HTTPAPI(), host)
	t.Cleanup(w.front.Close)
	w.client = w.front.Client()
	return w
}

// post posts a body to a path of the webhook, signed if an id is given.
func (w *webhook) post(t *testing.T, path, id, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.front.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if id != "" {
		now := time.Now()
		request.Header.Set("Webhook-Id", id)
		request.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
		request.Header.Set("Webhook-Signature", signature.Sign([]signature.Key{w.key}, id, now, []byte(body)))
	}
	response, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestTheDeployedWebhook(t *testing.T) {
	w := startWebhook(t)
	const tenant = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	notification, err := json.Marshal(map[string]any{"value": []any{map[string]any{
		"changeType": "updated", "clientState": w.state, "resource": "Users/11111111-1111-4111-8111-111111111111", "tenantId": tenant,
		"subscriptionId": "22222222-2222-4222-8222-222222222222", "subscriptionExpirationDateTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		"resourceData": map[string]any{"@odata.type": "#Microsoft.Graph.User", "@odata.id": "Users/1", "id": "11111111-1111-4111-8111-111111111111"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := w.post(t, "/notifications?validationToken=a%20token", "", ""); status != http.StatusOK || answer != "a token" {
		t.Errorf("the handshake is answered with %d %q", status, answer)
	}
	for name, c := range map[string]struct {
		path, id, body string
		status         int
	}{
		"a notification":              {"/notifications", "", string(notification), http.StatusAccepted},
		"a hook that starts changes":  {"/run", "msg_1", `{"job":"changes"}`, http.StatusAccepted},
		"a hook that starts snapshot": {"/run", "msg_2", `{"job":"snapshot"}`, http.StatusAccepted},
		"a hook that nobody signed":   {"/run", "", `{"job":"snapshot"}`, http.StatusUnauthorized},
	} {
		if status, answer := w.post(t, c.path, c.id, c.body); status != c.status {
			t.Errorf("%s is answered with %d %s", name, status, answer)
		}
	}
	bodies, err := w.queue.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, body := range bodies {
		got = append(got, string(body))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{`{"tenant":"` + tenant + `"}`, `{}`}, got); diff != "" {
		t.Error(diff)
	}
}
