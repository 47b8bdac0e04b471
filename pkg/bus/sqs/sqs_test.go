package sqs_test

import (
	"crypto/md5" //#nosec G501 -- SQS answers with it, and the SDK compares
	"encoding/hex"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
)

const (
	standard = "https://sqs.eu-west-1.amazonaws.com/123456789012/people"
	fifo     = standard + ".fifo"
)

type sendMessageBatch struct {
	QueueURL string
	Entries  []struct {
		ID, MessageBody, MessageGroupID, MessageDeduplicationID string
	}
}

type sendMessageBatchResult struct {
	Successful []map[string]string
	Failed     []map[string]any
}

func messages(t *testing.T, url string) func(*sendMessageBatch) []bustest.Message {
	return func(r *sendMessageBatch) []bustest.Message {
		if r.QueueURL != url {
			t.Errorf("queue %q", r.QueueURL)
		}
		var all []bustest.Message
		ids := map[string]bool{}
		for _, e := range r.Entries {
			bustest.WantXML(t, e.MessageBody)
			if ids[e.ID] || e.ID == "" || len(e.ID) > 80 {
				t.Errorf("BatchEntryIdsNotDistinct: %q", e.ID)
			}
			ids[e.ID] = true
			if isFIFO := url == fifo; isFIFO == (e.MessageGroupID == "") || isFIFO == (e.MessageDeduplicationID == "") || len(e.MessageGroupID) > 128 {
				t.Errorf("group %q, deduplication id %q", e.MessageGroupID, e.MessageDeduplicationID)
			}
			all = append(all, bustest.Message{
				Body: []byte(e.MessageBody), Size: len(e.MessageBody), Group: e.MessageGroupID, Deduplication: e.MessageDeduplicationID,
			})
		}
		return all
	}
}

func answer(r *sendMessageBatch, faults []bustest.Fault) any {
	out := sendMessageBatchResult{Successful: []map[string]string{}, Failed: []map[string]any{}}
	// Backwards: the answer's order is not that of the request.
	for i := len(faults) - 1; i >= 0; i-- {
		e := r.Entries[i]
		switch faults[i] {
		case bustest.None:
			sum := md5.Sum([]byte(e.MessageBody)) //#nosec G401 -- the protocol's
			out.Successful = append(out.Successful, map[string]string{"Id": e.ID, "MessageId": "m", "MD5OfMessageBody": hex.EncodeToString(sum[:])})
		case bustest.Forget:
		case bustest.Throttle:
			out.Failed = append(out.Failed, map[string]any{"Id": e.ID, "Code": "InternalError", "SenderFault": false})
		default:
			out.Failed = append(out.Failed, map[string]any{"Id": e.ID, "Code": "InvalidMessageContents", "SenderFault": true, "Message": "what was sent"})
		}
	}
	return out
}

func open(url string) bustest.Open {
	return func(t *testing.T) bustest.Bus {
		d := &bustest.Double{Limits: bus.Limits{Entries: 10, Bytes: 1 << 20, EntryBytes: 1 << 20}}
		codes := bustest.Codes{Throttle: "RequestThrottled", Refuse: "InvalidParameterValue", Deny: "AccessDenied"}
		driver := bustest.OnAWS(t, bustest.AWSJSON(t, d, codes, messages(t, url), answer), sqs.Parse, sqs.New, url)
		return bustest.Bus{Driver: driver, Ordered: url == fifo, Double: d}
	}
}

func TestConformanceOfStandardQueues(t *testing.T) { bustest.Run(t, open(standard)) }

func TestConformanceOfFIFOQueues(t *testing.T) { bustest.Run(t, open(fifo)) }

func TestFIFOGroupsBySubjectAndDropsRepetitions(t *testing.T) {
	b := open(fifo)(t)
	snapshot := bus.Event{ID: "run-1", Source: "urn:rollcall:tenant:t", Type: "rollcall.snapshot.completed"}
	odd := bustest.User(2, 0)
	odd.Subject = "zoë müller"
	p := bus.New(b.Driver, bus.Options{})
	for range 2 {
		for _, e := range []bus.Event{bustest.User(1, 0), snapshot, odd} {
			if err := p.Publish(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(b.Double.Arrived()); n != 3 {
		t.Errorf("%d messages arrived, want each once", n)
	}
	sent := b.Double.Requests()[0]
	if sent[0].Group != bustest.User(1, 0).Subject || sent[1].Group != snapshot.Source || len(sent[2].Group) != 64 {
		t.Errorf("groups %q, %q, %q", sent[0].Group, sent[1].Group, sent[2].Group)
	}
}

func TestParseTakesQueueURLs(t *testing.T) {
	for _, row := range []struct{ url, name, region string }{
		{standard, "people", "eu-west-1"},
		{fifo, "people.fifo", "eu-west-1"},
		{"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "q", "cn-north-1"},
		{"https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/q", "q", "us-gov-west-1"},
		{"https://sqs.eu-west-1.api.aws/123456789012/q", "q", "eu-west-1"},
		{"https://vpce-0a1b.sqs.eu-west-3.vpce.amazonaws.com/123456789012/q", "q", "eu-west-3"},
		{"https://eu-west-2.queue.amazonaws.com/123456789012/q", "q", "eu-west-2"},
		{"https://queue.amazonaws.com/123456789012/q", "q", "us-east-1"},
		{"http://127.0.0.1:5000/123456789012/q", "q", ""},
	} {
		q, err := sqs.Parse(row.url)
		if err != nil || q.URL != row.url || q.Name != row.name || q.Region != row.region || q.FIFO != strings.HasSuffix(row.name, ".fifo") {
			t.Errorf("%s: %+v, %v", row.url, q, err)
		}
	}
	for _, url := range []string{
		"", "people", "arn:aws:sqs:eu-west-1:123456789012:people", "https://sqs.eu-west-1.amazonaws.com/people",
		"https://sqs.eu-west-1.amazonaws.com/12345/people", "https://u:p@sqs.eu-west-1.amazonaws.com/123456789012/people",
		standard + "?x=1", standard + "/more", "https://sqs.eu-west-1.amazonaws.com/123456789012/a.b",
	} {
		if q, err := sqs.Parse(url); err == nil {
			t.Errorf("%q is taken as %+v", url, q)
		}
	}
}

func TestASmallerQueueSendsLargeEventsAsClaims(t *testing.T) {
	c := bustest.Parse(t, sqs.Parse, standard)
	c.MaxBytes = 64 << 10
	d, err := sqs.New(aws.Config{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if l := d.Limits(); l.EntryBytes != 64<<10 || l.Bytes != 1<<20 {
		t.Errorf("limits %+v", l)
	}
}
