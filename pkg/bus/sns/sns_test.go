package sns_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/sns"
)

const (
	standard = "arn:aws:sns:eu-west-1:123456789012:people"
	fifo     = standard + ".fifo"
)

// double speaks AWS's query protocol.
func double(t *testing.T, d *bustest.Double, topic string) http.Handler {
	codes := bustest.Codes{Throttle: "ThrottledException", Refuse: "InvalidParameter", Deny: "AuthorizationError"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "PublishBatch" || r.Form.Get("TopicArn") != topic {
			t.Errorf("%v %v: %v", r.Form.Get("Action"), r.Form.Get("TopicArn"), err)
		}
		entries, ids := messages(t, r.Form, topic == fifo)
		switch whole, each := d.Take(entries); whole {
		case bustest.None:
			_, _ = fmt.Fprint(w, "<PublishBatchResponse><PublishBatchResult>"+results(ids, each)+"</PublishBatchResult></PublishBatchResponse>")
		case bustest.Hang:
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>person@example.com</Message></Error></ErrorResponse>", codes.Of(whole))
		}
	})
}

func messages(t *testing.T, form url.Values, isFIFO bool) (entries []bustest.Message, ids []string) {
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("PublishBatchRequestEntries.member.%d.", i)
		id := form.Get(prefix + "Id")
		if id == "" {
			return entries, ids
		}
		text := form.Get(prefix + "Message")
		bustest.WantXML(t, text)
		attribute := prefix + "MessageAttributes.entry.1."
		name, kind, value := form.Get(attribute+"Name"), form.Get(attribute+"Value.DataType"), form.Get(attribute+"Value.StringValue")
		if name != "type" || kind != "String" || !strings.HasPrefix(value, "rollcall.") {
			t.Errorf("attribute %q %q %q", name, kind, value)
		}
		m := bustest.Message{
			Body: []byte(text), Size: len(text) + len(name) + len(kind) + len(value),
			Group: form.Get(prefix + "MessageGroupId"), Deduplication: form.Get(prefix + "MessageDeduplicationId"),
		}
		if isFIFO == (m.Group == "") || isFIFO == (m.Deduplication == "") {
			t.Errorf("group %q, deduplication id %q", m.Group, m.Deduplication)
		}
		entries, ids = append(entries, m), append(ids, id)
	}
}

func results(ids []string, faults []bustest.Fault) string {
	var taken, failed strings.Builder
	for i, id := range ids {
		switch faults[i] {
		case bustest.None:
			fmt.Fprintf(&taken, "<member><Id>%s</Id><MessageId>m</MessageId></member>", id)
		case bustest.Forget:
		case bustest.Throttle:
			fmt.Fprintf(&failed, "<member><Id>%s</Id><Code>Throttled</Code><SenderFault>true</SenderFault></member>", id)
		default:
			fmt.Fprintf(&failed, "<member><Id>%s</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>", id)
		}
	}
	return "<Successful>" + taken.String() + "</Successful><Failed>" + failed.String() + "</Failed>"
}

func open(topic string) bustest.Open {
	return func(t *testing.T) bustest.Bus {
		d := &bustest.Double{Limits: bus.Limits{Entries: 10, Bytes: 256 << 10, EntryBytes: 256 << 10}}
		driver := bustest.OnAWS(t, double(t, d, topic), sns.Parse, sns.New, topic)
		return bustest.Bus{Driver: driver, Ordered: topic == fifo, Double: d}
	}
}

func TestConformanceOfStandardTopics(t *testing.T) { bustest.Run(t, open(standard)) }

func TestConformanceOfFIFOTopics(t *testing.T) { bustest.Run(t, open(fifo)) }

func TestParseTakesTopicARNs(t *testing.T) {
	topic := bustest.Parse(t, sns.Parse, fifo)
	if !topic.FIFO || topic.Region != "eu-west-1" || topic.String() != "topic people.fifo" {
		t.Errorf("%+v", topic)
	}
	for _, arn := range []string{
		"", "people", "arn:aws:sqs:eu-west-1:123456789012:people", "arn:aws:sns:eu-west-1:123456789012:people:0f0e-subscription",
		"arn:aws:sns::123456789012:people", "arn:aws:sns:eu-west-1:123456789012:pe.ople",
	} {
		if topic, err := sns.Parse(arn); err == nil {
			t.Errorf("%q is taken as %+v", arn, topic)
		}
	}
}

func TestATopicMayTakeMore(t *testing.T) {
	for given, want := range map[int]int{0: 256 << 10, 1 << 20: 1 << 20, 2 << 20: 1 << 20, 1024: 1024} {
		c := bustest.Parse(t, sns.Parse, standard)
		c.MaxBytes = given
		d, err := sns.New(aws.Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		if l := d.Limits(); l.Bytes != want || l.EntryBytes != want {
			t.Errorf("MaxBytes %d: limits %+v", given, l)
		}
	}
}
