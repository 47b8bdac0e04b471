package template_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThereIsAChangeFeedOnlyWhereItIsAskedFor(t *testing.T) {
	s := stack(t, nil)
	for name, resource := range s.Resources {
		if strings.HasPrefix(name, "Changes") || strings.HasPrefix(name, "Events") || strings.HasPrefix(resource.Type, "AWS::Events::") {
			t.Errorf("there is %s", name)
		}
	}
	if _, made := s.Outputs["EventBusName"]; made {
		t.Error("an output names a bus")
	}
}

// Delta queries cannot filter: whoever set a filter does not mean to publish everybody.
func TestChangesOfEverybodyAreNotPublishedBehindAFilter(t *testing.T) {
	_, err := resolve(t, publishing(map[string]string{"Filter": "accountEnabled eq true"}))
	if err == nil || !strings.Contains(err.Error(), "Leave Filter empty") {
		t.Errorf("the stack is made: %v", err)
	}
}

func TestTheChangesFunctionMayDoThisAndNoMore(t *testing.T) {
	one := map[string][]string{
		"<Secret>":           {"secretsmanager:GetSecretValue"},
		"<ChangesLogs.Arn>":  {"logs:CreateLogStream", "logs:PutLogEvents"},
		"<ChangesQueue.Arn>": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
		"<Events.Arn>":       {"events:PutEvents"},
		"<Bucket.Arn>":       {"s3:ListBucket"},
		"<Bucket.Arn>/directory/state/tenant=*/changes/*":         {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
		"<Bucket.Arn>/directory/state/tenant=*/changes/*/spill-*": {"s3:PutObjectTagging"},
		"<Bucket.Arn>/directory/state/claims/*":                   {"s3:PutObject", "s3:PutObjectTagging"},
		"<Key.Arn>":                                               {"kms:Decrypt", "kms:GenerateDataKey"},
	}
	if diff := cmp.Diff(one, granted(statements(t, stack(t, publishing(nil)))["ChangesRole"])); diff != "" {
		t.Error(diff)
	}
	one["<Bucket.Arn>/tenants.json"] = []string{"s3:GetObject"}
	one["arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall/*"] = []string{"secretsmanager:GetSecretValue"}
	if diff := cmp.Diff(one, granted(statements(t, stack(t, ofMany()))["ChangesRole"])); diff != "" {
		t.Errorf("of many tenants: %s", diff)
	}
}

// queue is a queue, as far as tests look at it.
type queue struct {
	FifoQueue, ContentBasedDeduplication, DeduplicationScope, FifoThroughputLimit string
	DelaySeconds, VisibilityTimeout, MessageRetentionPeriod                       seconds
	RedrivePolicy                                                                 struct {
		Target   string  `json:"deadLetterTargetArn"`
		Receives seconds `json:"maxReceiveCount"`
	}
}

// seconds is a number, which a template's text is.
type seconds int

// UnmarshalText reads it.
func (s *seconds) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	*s = seconds(n)
	return err
}

func TestAMessageOutlivesItsRunAndADayOfFailures(t *testing.T) {
	s := stack(t, publishing(nil))
	q, dead := as[queue](t, s.Resources["ChangesQueue"].Properties), as[queue](t, s.Resources["ChangesDeadLetters"].Properties)
	timeout := as[struct{ Timeout seconds }](t, s.Resources["ChangesFunction"].Properties).Timeout
	if q.VisibilityTimeout < 2*timeout {
		t.Errorf("a message that runs for %d s at most comes back after %d s, which leaves Lambda no time to hold it", timeout, q.VisibilityTimeout)
	}
	if least, most := q.VisibilityTimeout*(q.RedrivePolicy.Receives-1), q.MessageRetentionPeriod; least < 24*3600 || (q.VisibilityTimeout+timeout)*q.RedrivePolicy.Receives > most {
		t.Errorf("a message is tried %d times in %d s, and kept for %d", q.RedrivePolicy.Receives, least, most)
	}
	if q.RedrivePolicy.Target != "<ChangesDeadLetters.Arn>" || q.FifoQueue != "true" || dead.FifoQueue != "true" || dead.MessageRetentionPeriod != 14*24*3600 {
		t.Errorf("the queue is %+v, that of its dead letters %+v", q, dead)
	}
	if q.ContentBasedDeduplication != "false" || q.DeduplicationScope != "messageGroup" || q.FifoThroughputLimit != "perMessageGroupId" || q.DelaySeconds != 45 {
		t.Errorf("the queue is %+v", q)
	}
}

func TestTheQueueStartsTheFeedAndLearnsWhatFailed(t *testing.T) {
	with := func(name, value string) map[string]string {
		all := ofMany()
		all[name] = value
		return all
	}
	for name, c := range map[string]struct {
		parameters    map[string]string
		batch, atOnce string
	}{
		"one tenant":             {publishing(nil), "10", "2"},
		"many":                   {ofMany(), "1", "5"},
		"many, twenty at once":   {with("TenantsAtOnce", "20"), "1", "20"},
		"many, one after others": {with("TenantsAtOnce", "1"), "1", "2"}, // Lambda's least
	} {
		got := stack(t, c.parameters).Resources["ChangesTrigger"].Properties
		want := map[string]any{
			"EventSourceArn": "<ChangesQueue.Arn>", "FunctionName": "<ChangesFunction>", "BatchSize": c.batch,
			"FunctionResponseTypes": []any{"ReportBatchItemFailures"}, "ScalingConfig": map[string]any{"MaximumConcurrency": c.atOnce},
			"Tags": []any{map[string]any{"Key": "application", "Value": "rollcall"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTheFeedRunsThoughNobodyTellsItTo(t *testing.T) {
	for name, c := range map[string]struct {
		parameters           map[string]string
		action, target, role string
	}{
		"one tenant":            {publishing(nil), "lambda:InvokeFunction", "<ChangesFunction.Arn>", "ChangesTimerRole"},
		"many":                  {ofMany(), "states:StartExecution", "<ChangesMachine>", "ChangesTimerRole"},
		"without snapshots too": {publishing(map[string]string{"Schedule": ""}), "lambda:InvokeFunction", "<ChangesFunction.Arn>", "ChangesTimerRole"},
	} {
		s := stack(t, c.parameters)
		timer := s.Resources["ChangesTimer"].Properties
		want := map[string]any{
			"Arn": c.target, "RoleArn": "<ChangesTimerRole.Arn>", "Input": "{}",
			"RetryPolicy":      map[string]any{"MaximumEventAgeInSeconds": "900", "MaximumRetryAttempts": "5"},
			"DeadLetterConfig": map[string]any{"Arn": "<NotStarted.Arn>"},
		}
		if diff := cmp.Diff(want, timer["Target"]); diff != "" || timer["ScheduleExpression"] != "rate(15 minutes)" {
			t.Errorf("%s: at %v: %s", name, timer["ScheduleExpression"], diff)
		}
		grants := map[string][]string{c.target: {c.action}, "<NotStarted.Arn>": {"sqs:SendMessage"}}
		if diff := cmp.Diff(grants, granted(statements(t, s)[c.role])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, needed := range []string{"NotStarted", "NotStartedPolicy", "NotStartedAlarm"} {
			if _, made := s.Resources[needed]; !made {
				t.Errorf("%s: there is no %s", name, needed)
			}
		}
		// The next run makes up for one that failed; Lambda's repetition would meet it.
		if diff := cmp.Diff(map[string]any{"MaximumRetryAttempts": "0", "MaximumEventAgeInSeconds": "900"}, s.Resources["ChangesFunction"].Properties["EventInvokeConfig"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestConcurrencyOfTheFeedIsReservedOnlyWhereItIsAskedFor(t *testing.T) {
	for given, want := range map[string]any{"": nil, "0": "0", "5": "5"} {
		got := stack(t, publishing(map[string]string{"ChangesReservedConcurrency": given})).Resources["ChangesFunction"].Properties
		if got["ReservedConcurrentExecutions"] != want {
			t.Errorf("%q reserves %v", given, got["ReservedConcurrentExecutions"])
		}
	}
}
