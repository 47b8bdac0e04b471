package eventbridge_test

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
)

type putEvents struct {
	Entries []struct {
		Source, DetailType, Detail, EventBusName string
		Time                                     *float64
	}
}

func messages(t *testing.T) func(*putEvents) []bustest.Message {
	return func(r *putEvents) []bustest.Message {
		var all []bustest.Message
		for _, e := range r.Entries {
			var detail struct{ Source, Type string }
			if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
				t.Errorf("MalformedDetail: %v", err)
			}
			if e.Source != detail.Source || e.DetailType != detail.Type || e.EventBusName != "people" || e.Time == nil {
				t.Errorf("source %q, detail-type %q, bus %q, time %v of %.200s", e.Source, e.DetailType, e.EventBusName, e.Time, e.Detail)
			}
			all = append(all, bustest.Message{Body: []byte(e.Detail), Size: 14 + len(e.Source) + len(e.DetailType) + len(e.Detail)})
		}
		return all
	}
}

type putEventsResult struct {
	FailedEntryCount int
	Entries          []map[string]string
}

func answer(_ *putEvents, faults []bustest.Fault) any {
	var out putEventsResult
	codes := bustest.Codes{Throttle: "ThrottlingException", Refuse: "MalformedDetail", Deny: "NotAuthorizedForSourceException"}
	for _, fault := range faults {
		if fault == bustest.None {
			out.Entries = append(out.Entries, map[string]string{"EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860"})
			continue
		}
		if fault == bustest.Forget {
			out.Entries = append(out.Entries, map[string]string{})
			continue
		}
		out.FailedEntryCount++
		out.Entries = append(out.Entries, map[string]string{"ErrorCode": codes.Of(fault), "ErrorMessage": "not this one"})
	}
	return out
}

func open(t *testing.T) bustest.Bus {
	d := &bustest.Double{Limits: bus.Limits{Entries: 10, Bytes: 999_999, EntryBytes: 999_999}}
	codes := bustest.Codes{Throttle: "ThrottlingException", Refuse: "InternalException", Deny: "AccessDeniedException"}
	driver := bustest.OnAWS(t, bustest.AWSJSON(t, d, codes, messages(t), answer), eventbridge.Parse, eventbridge.New, "people")
	return bustest.Bus{Driver: driver, Double: d}
}

func TestConformance(t *testing.T) { bustest.Run(t, open) }

func TestParseTakesNamesAndARNs(t *testing.T) {
	for _, row := range []struct{ address, region, text string }{
		{"default", "", "event bus default"},
		{"aws.partner/example.com/1", "", "event bus aws.partner/example.com/1"},
		{"arn:aws:events:us-east-2:123456789012:event-bus/people", "us-east-2", "event bus people"},
		{"arn:aws-cn:events:cn-north-1:123456789012:event-bus/people", "cn-north-1", "event bus people"},
	} {
		b, err := eventbridge.Parse(row.address)
		if err != nil || cmp.Or(b.ARN, b.Name) != row.address || b.Region != row.region || b.String() != row.text {
			t.Errorf("%s: %+v, %v", row.address, b, err)
		}
	}
	for _, address := range []string{
		"", "a b", "people?x=1", "arn:aws:sqs:us-east-2:123456789012:people", "arn:aws:events:us-east-2:123456789012:rule/people",
		"arn:aws:events::123456789012:event-bus/people", strings.Repeat("x", 257),
	} {
		if b, err := eventbridge.Parse(address); err == nil {
			t.Errorf("%q is taken as %+v", address, b)
		}
	}
}

func TestWhatEventBridgeDoesNotTakeGoesAsAClaimCheck(t *testing.T) {
	b := open(t)
	for _, row := range []struct {
		name, data string
		fits       bool
	}{
		{"the greatest integer", `{"n":9223372036854775807}`, true},
		{"the least integer", `{"n":-9223372036854775808}`, true},
		{"an integer above", `{"n":9223372036854775808}`, false},
		{"an integer below", `[-9223372036854775809]`, false},
		{"digits in a string", `{"n":"99999999999999999999","\"":"9223372036854775808"}`, true},
		{"a long fraction", `{"n":0.12345678901234567890}`, true},
		{"a power", `{"n":12345678901234567890e1}`, true},
		{"998 levels", strings.Repeat("[", 998) + strings.Repeat("]", 998), true},
		{"999 levels", strings.Repeat("[", 999) + strings.Repeat("]", 999), false},
		{"many brackets side by side", "[" + strings.Repeat("[],", 2000) + "[]]", true},
	} {
		e := bustest.User(1, 0)
		e.Data = []byte(row.data)
		if _, _, err := b.Driver.Append(nil, e); (err == nil) != row.fits {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	for _, change := range []func(*bus.Event){
		func(e *bus.Event) { e.Source = "aws.people" },
		func(e *bus.Event) { e.Type = strings.Repeat("t", 129) },
	} {
		e := bustest.User(1, 0)
		change(&e)
		if _, _, err := b.Driver.Append(nil, e); err == nil {
			t.Errorf("%+v is taken", e)
		}
	}
}

func TestARegionIsNeeded(t *testing.T) {
	if _, err := eventbridge.New(aws.Config{}, bustest.Parse(t, eventbridge.Parse, "people")); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("error %v", err)
	}
	if _, err := eventbridge.New(aws.Config{}, bustest.Parse(t, eventbridge.Parse, "arn:aws:events:us-east-2:123456789012:event-bus/people")); err != nil {
		t.Error(err)
	}
}
