package aws_test

import (
	"crypto/md5" //nolint:gosec // SQS answers with it
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/webhook/aws"
)

const (
	queueURL = "https://sqs.eu-west-1.amazonaws.com/123456789012/rollcall-changes.fifo"
	machine  = "arn:aws:states:eu-west-1:123456789012:stateMachine:rollcall-snapshot"
	hookKey  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	kept     = `{"ClientState":"the-client-state-0123456789","HookKey":"` + hookKey + `"}`
	tenant   = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
)

func read(variables ...string) (aws.Settings, error) {
	var s aws.Settings
	_, err := config.Read(variables, &s)
	return s, err
}

func TestMistakesInTheConfigurationAreNamed(t *testing.T) {
	for variable, c := range map[string]struct{ value, want string }{
		"ROLLCALL_QUEUE":          {"https://sqs.eu-west-1.amazonaws.com/123456789012/rollcall", "is not a FIFO queue"},
		"ROLLCALL_STATE_MACHINE":  {"rollcall-snapshot", "is not the ARN of a state machine"},
		"ROLLCALL_WEBHOOK_SECRET": {`{"HookKey":"s3cr3t"}`, "the member HookKey of the"},
	} {
		if _, err := read(variable + "=" + c.value); err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", variable, err)
		}
	}
	for _, arn := range []string{"arn:aws:states:eu-west-1:123456789012:execution:a:b", "arn:aws:states:attacker.example#:123456789012:stateMachine:a", machine + "/../b", "arn:aws:states:eu-west-1:1:stateMachine:a"} {
		if _, err := read("ROLLCALL_STATE_MACHINE=" + arn); err == nil {
			t.Errorf("%s is taken", arn)
		}
	}
	for _, arn := range []string{machine, machine + ":live", strings.Replace(machine, "arn:aws:", "arn:aws-cn:", 1)} {
		if s, err := read("ROLLCALL_STATE_MACHINE=" + arn); err != nil || s.StateMachine.Region != "eu-west-1" {
			t.Errorf("%s: %+v, %v", arn, s.StateMachine, err)
		}
	}
}

func TestWhatIsMissingIsNamedAtTheStart(t *testing.T) {
	for want, variables := range map[string][]string{
		"ROLLCALL_QUEUE":          {"ROLLCALL_WEBHOOK_SECRET=" + kept},
		"ROLLCALL_WEBHOOK_SECRET": {"ROLLCALL_QUEUE=" + queueURL},
		"keyvault: is not one that this function reads from": {"ROLLCALL_QUEUE=" + queueURL, "ROLLCALL_WEBHOOK_SECRET=keyvault:https://people.vault.azure.net/secrets/hooks"},
	} {
		s, err := read(variables...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := aws.New(t.Context(), s, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// service is SQS and Step Functions.
type service struct {
	targets []string
	bodies  []string
	status  int
	answer  string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.targets, s.bodies = append(s.targets, r.Header.Get("X-Amz-Target")), append(s.bodies, string(body))
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.answer)
}

// open returns the webhook that sends to the service.
func open(t *testing.T, s *service) http.Handler {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	settings, err := read("ROLLCALL_QUEUE="+queueURL, "ROLLCALL_WEBHOOK_SECRET="+kept, "ROLLCALL_STATE_MACHINE="+machine)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := aws.New(t.Context(), settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // SQS answers with it
	return hex.EncodeToString(sum[:])
}

func post(t *testing.T, h http.Handler, path, body string, header http.Header) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func hooked(t *testing.T, h http.Handler, body string) int {
	t.Helper()
	key, err := signature.ParseKey(hookKey)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return post(t, h, "/run", body, http.Header{
		"Webhook-Id": {"m1"}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signature.Sign([]signature.Key{key}, "m1", now, []byte(body))},
	})
}

func TestASnapshotIsStartedOnceForEachHook(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   int
	}{
		"started":         {200, `{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:rollcall-snapshot:x","startDate":1}`, 202},
		"already started": {400, `{"__type":"ExecutionAlreadyExists","message":"Execution Already Exists"}`, 202},
		"not allowed":     {400, `{"__type":"AccessDeniedException","message":"no"}`, 503},
		"no such machine": {400, `{"__type":"StateMachineDoesNotExist","message":"no"}`, 503},
	} {
		s := &service{status: c.status, answer: c.answer}
		if code := hooked(t, open(t, s), `{"job":"snapshot","tenant":"`+tenant+`"}`); code != c.want || len(s.targets) != 1 || s.targets[0] != "AWSStepFunctions.StartExecution" {
			t.Errorf("%s: status %d, %v", name, code, s.targets)
			continue
		}
		var in struct{ StateMachineArn, Name, Input string }
		if err := json.Unmarshal([]byte(s.bodies[0]), &in); err != nil || in.StateMachineArn != machine || !strings.HasPrefix(in.Name, "hook-") || in.Input != `{"tenant":"`+tenant+`"}` {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
	}
}

func TestANotificationIsAMessageOfItsTenantsGroup(t *testing.T) {
	s := &service{status: 200, answer: `{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"%s"}],"Failed":[]}`}
	body := `{"tenant":"` + tenant + `"}`
	s.answer = fmt.Sprintf(s.answer, md5Of(body))
	notification := `{"value":[{"changeType":"updated","clientState":"the-client-state-0123456789","tenantId":"` + tenant + `"}]}`
	if code := post(t, open(t, s), "/notifications", notification, nil); code != 202 || len(s.targets) != 1 || s.targets[0] != "AmazonSQS.SendMessageBatch" {
		t.Fatalf("status %d, %v", code, s.targets)
	}
	var in struct {
		QueueURL string
		Entries  []struct{ MessageBody, MessageGroupID, MessageDeduplicationID string }
	}
	if err := json.Unmarshal([]byte(s.bodies[0]), &in); err != nil || in.QueueURL != queueURL || len(in.Entries) != 1 {
		t.Fatalf("%+v, %v", in, err)
	}
	if e := in.Entries[0]; e.MessageBody != body || e.MessageGroupID != tenant || e.MessageDeduplicationID == "" {
		t.Errorf("%+v", e)
	}
}

// FuzzStateMachine has what may be pasted as an ARN.
func FuzzStateMachine(f *testing.F) {
	f.Add(machine)
	f.Add("arn:aws:states:eu-west-1:123456789012:stateMachine:")
	f.Add(base64.StdEncoding.EncodeToString([]byte(machine)))
	f.Fuzz(func(t *testing.T, text string) {
		var m aws.StateMachine
		if err := m.UnmarshalText([]byte(text)); err == nil && (m.ARN != text || m.Name == "" || strings.ContainsAny(m.Region, "./@:#")) {
			t.Fatalf("%q becomes %+v", text, m)
		}
	})
}
