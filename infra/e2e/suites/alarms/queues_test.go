package alarms_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudwatch"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
)

// letters are the queues of the template that take dead letters, and their alarms.
func letters() map[string]string {
	return map[string]string{
		"NotStarted": "NotStartedAlarm", "Undelivered": "UndeliveredAlarm", "OrderedEventsDeadLetters": "OrderedEventsDeadAlarm", "ChangesDeadLetters": "ChangesDeadAlarm",
	}
}

func TestADeadLetterAlarmsUntilItIsGone(t *testing.T) {
	w := watch(t)
	at := harness.Start(t, moto.Start)
	client := sqs.NewFromConfig(at.Config())
	queues := map[string]*cloud.Queue{}
	for _, name := range slices.Sorted(maps.Keys(letters())) {
		queue, err := cloud.CreateQueue(t.Context(), at.Config(), name+".fifo")
		if err != nil {
			t.Fatal(err)
		}
		queues[name] = queue
	}
	// SQS publishes how many messages each has, every minute.
	measure := func() {
		w.wait(5 * time.Minute)
		for name, queue := range queues {
			got, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue.URL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages}})
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.Atoi(got.Attributes["ApproximateNumberOfMessages"])
			if err != nil {
				t.Fatal(err)
			}
			w.metrics.Put("AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]string{"QueueName": "<" + name + ".QueueName>"}, w.clock, float64(n))
		}
	}
	for name, queue := range queues {
		measure()
		w.want(cloudwatch.OK, letters()[name])
		// A message that nobody can take goes to the queue of dead letters by itself.
		source, err := cloud.CreateQueueWith(t.Context(), at.Config(), name+"-source.fifo", map[string]string{
			"VisibilityTimeout": "0", "RedrivePolicy": `{"deadLetterTargetArn":"` + queue.ARN + `","maxReceiveCount":1}`,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := source.Send(t.Context(), "{}", "tenant", "1"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := source.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		measure()
		w.want(cloudwatch.Alarming, letters()[name])
		for other, alarm := range letters() {
			if other != name {
				w.want(cloudwatch.OK, alarm)
			}
		}
		if taken, err := queue.Drain(t.Context()); err != nil || len(taken) != 1 {
			t.Fatalf("%d messages, %v", len(taken), err)
		}
		measure()
		w.want(cloudwatch.OK, letters()[name])
	}
}

// What no test here has seen alarm is AWS's alone to tell: executions and functions that were
// cut off.
func TestEachAlarmIsShownToFire(t *testing.T) {
	shown := []string{"SnapshotFailAlarm", "IncompleteAlarm", "SuspectAlarm", "StaleAlarm", "ThrottledAlarm", "ExpiryAlarm", "RotatorExpiryAlarm", "RotateAlarm", "UsersFailAlarm", "ChangesFailAlarm", "ChangesSuspectAlarm"}
	shown = append(shown, slices.Collect(maps.Values(letters()))...)
	elsewhere := []string{"CutOffAlarm", "WebhookAlarm", "ChangesLateAlarm"}
	all := slices.Sorted(slices.Values(slices.Concat(shown, elsewhere)))
	if got := resolve(t).Of("AWS::CloudWatch::Alarm"); !slices.Equal(got, all) {
		t.Errorf("the alarms are %s\nshown are %s", strings.Join(got, " "), strings.Join(all, " "))
	}
}
