package statemachines_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
)

// told is a message of the change feed's queue.
type told struct{ Body, Group, ID string }

func TestTheFeedIsToldOfEachTenantInAGroupOfItsOwn(t *testing.T) {
	machine, queue := changesMachine(t, rows(first, second, third))
	for _, name := range []string{"at-noon", "a-quarter-past"} { // the second is no repetition of the first
		got := run(t, machine, name, `{}`)
		if got.Status != types.ExecutionStatusSucceeded || string(got.Output) != "3" {
			t.Fatalf("it is %s with %s: %s, %s", got.Status, got.Error, got.Cause, got.Output)
		}
		var want []told
		for _, tenant := range []string{first, second, third} {
			want = append(want, told{`{"tenant":"` + tenant + `"}`, tenant, tenant + "-" + name})
		}
		if diff := cmp.Diff(want, messages(t, queue)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestATenantThatIsNotToldFails(t *testing.T) {
	for name, test := range map[string]struct{ file, err, cause string }{
		"no file":    {"", "States.", ""},
		"no tenants": {"[]", "Config.Invalid", "names no tenant"},
		"no GUID":    {rows(first, strings.Repeat("x", 2<<20)), "Sink.Failed", "the others were"}, // more than a queue takes
	} {
		t.Run(name, func(t *testing.T) {
			machine, queue := changesMachine(t, test.file)
			got := run(t, machine, "", `{}`)
			if got.Status != types.ExecutionStatusFailed || !strings.HasPrefix(got.Error, test.err) || !strings.Contains(got.Cause, test.cause) {
				t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
			}
			for _, m := range messages(t, queue) {
				if m.Group != first {
					t.Errorf("it sent %+v", m)
				}
			}
		})
	}
}

// changesMachine makes the machine over a tenants file, none if that is "", and its queue.
func changesMachine(t *testing.T, file string) (arn string, queue *cloud.Queue) {
	t.Helper()
	name := resourceName(t)
	queue, err := cloud.CreateQueue(t.Context(), server.Config(), name+".fifo")
	if err != nil {
		t.Fatal(err)
	}
	return deploy(t, name, "changes.asl.json", map[string]string{
		"Bucket": tenantsFile(t, name, file), "TenantsKey": "tenants.json", "QueueUrl": queue.URL,
	}, `"ExecutionType":"EXPRESS"`, `"ExecutionType":"STANDARD"`), queue // moto knows no other
}

// messages takes what the queue has, sorted by the tenant. Bodies are without white space.
func messages(t *testing.T, queue *cloud.Queue) []told {
	t.Helper()
	client := sqs.NewFromConfig(server.Config())
	var all []told
	for {
		got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &queue.URL, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			body, err := compact(*m.Body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, told{body, m.Attributes["MessageGroupId"], m.Attributes["MessageDeduplicationId"]})
			if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.SortFunc(all, func(a, b told) int { return strings.Compare(a.Group, b.Group) })
	return all
}

func compact(text string) (string, error) {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "", err
	}
	short, err := json.Marshal(v)
	return string(short), err
}
