package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheFeedSendsToItsBus(t *testing.T) {
	for name, s := range stacks(t) {
		for _, policy := range s.Of("AWS::Events::EventBusPolicy") {
			p := as[struct {
				EventBusName string
				Statement    statement
			}](t, s.Resources[policy].Properties)
			want := statement{
				Effect: "Deny", Action: texts{"events:PutEvents"}, Resource: texts{"<Events.Arn>"},
				Condition: map[string]map[string]texts{"ArnNotEquals": {"aws:PrincipalArn": {"<ChangesRole.Arn>"}}},
			}
			if diff := cmp.Diff(want, p.Statement); diff != "" || p.EventBusName != "<Events>" {
				t.Errorf("%s, %s: %s", name, p.EventBusName, diff)
			}
		}
		if len(s.Of("AWS::Events::EventBusPolicy")) != len(s.Of("AWS::Events::EventBus")) {
			t.Errorf("%s: anybody sends to the bus", name)
		}
	}
	variables := stack(t, publishing(nil)).Resources["ChangesFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	if variables["ROLLCALL_SINKS"] != "eventbridge://<Events>" {
		t.Errorf("the feed sends to %v", variables["ROLLCALL_SINKS"])
	}
	if len(stack(t, publishing(nil)).Of("AWS::SQS::Queue")) != 3 { // of the feed, its dead letters, and what was not started
		t.Error("there is a queue of events that nobody asked for")
	}
}

func TestAQueueOfEventsKeepsTheirOrder(t *testing.T) {
	s := stack(t, publishing(map[string]string{"EventsQueue": "yes"}))
	q := as[queue](t, s.Resources["OrderedEvents"].Properties)
	if q.FifoQueue != "true" || q.ContentBasedDeduplication != "false" || q.DeduplicationScope != "messageGroup" || q.FifoThroughputLimit != "perMessageGroupId" || q.DelaySeconds != 0 {
		t.Errorf("the queue is %+v", q)
	}
	if q.RedrivePolicy.Target != "<OrderedEventsDeadLetters.Arn>" || q.MessageRetentionPeriod != 14*24*3600 {
		t.Errorf("the queue is %+v", q)
	}
	if got := environment(t, s.Resources["ChangesFunction"].Properties)["ROLLCALL_SINKS"]; got != "eventbridge://<Events> sqs:<OrderedEvents>" {
		t.Errorf("the feed sends to %s", got)
	}
}

func TestTheArchiveKeepsEveryEventForRetentionDays(t *testing.T) {
	got := stack(t, publishing(map[string]string{"RetentionDays": "90"})).Resources["EventsArchive"].Properties
	if got["SourceArn"] != "<Events.Arn>" || got["RetentionDays"] != "90" || got["EventPattern"] != nil {
		t.Errorf("the archive is %v", got)
	}
}
