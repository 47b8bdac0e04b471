package kinesis_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
)

type putRecords struct {
	StreamName, StreamARN string
	Records               []struct {
		Data         []byte
		PartitionKey string
	}
}

type putRecordsResult struct {
	FailedRecordCount int
	Records           []map[string]string
}

func messages(t *testing.T) func(*putRecords) []bustest.Message {
	return func(r *putRecords) []bustest.Message {
		if r.StreamName != "people" || r.StreamARN != "" {
			t.Errorf("stream %q %q", r.StreamName, r.StreamARN)
		}
		var all []bustest.Message
		for _, record := range r.Records {
			var event struct{ Subject string }
			if err := json.Unmarshal(record.Data, &event); err != nil || record.PartitionKey != event.Subject {
				t.Errorf("partition key %q of subject %q: %v", record.PartitionKey, event.Subject, err)
			}
			all = append(all, bustest.Message{Body: record.Data, Size: len(record.Data) + len(record.PartitionKey), Group: record.PartitionKey})
		}
		return all
	}
}

func answer(_ *putRecords, faults []bustest.Fault) any {
	var out putRecordsResult
	for i, fault := range faults {
		if fault == bustest.None {
			out.Records = append(out.Records, map[string]string{"SequenceNumber": strconv.Itoa(i + 1), "ShardId": "shardId-000000000000"})
			continue
		}
		if fault == bustest.Forget {
			return out // and nothing about those after it
		}
		code := "ProvisionedThroughputExceededException"
		if fault == bustest.Refuse {
			code = "InternalFailure" // there is none that is for good
		}
		out.FailedRecordCount++
		out.Records = append(out.Records, map[string]string{"ErrorCode": code, "ErrorMessage": "account 123456789012"})
	}
	return out
}

func open(t *testing.T) bustest.Bus {
	d := &bustest.Double{Limits: bus.Limits{Entries: 500, Bytes: 10 << 20, EntryBytes: 1 << 20}}
	codes := bustest.Codes{Throttle: "ProvisionedThroughputExceededException", Refuse: "InvalidArgumentException", Deny: "AccessDeniedException"}
	driver := bustest.OnAWS(t, bustest.AWSJSON(t, d, codes, messages(t), answer), kinesis.Parse, kinesis.New, "people")
	return bustest.Bus{Driver: driver, Ordered: true, Double: d}
}

func TestConformance(t *testing.T) { bustest.Run(t, open) }

func TestParseTakesNamesAndARNs(t *testing.T) {
	s := bustest.Parse(t, kinesis.Parse, "arn:aws:kinesis:eu-west-3:123456789012:stream/people")
	if s.Name != "people" || s.Region != "eu-west-3" || !strings.HasPrefix(s.ARN, "arn:") {
		t.Errorf("%+v", s)
	}
	if s := bustest.Parse(t, kinesis.Parse, "people"); s.Region != "" || s.ARN != "" || s.String() != "stream people" {
		t.Errorf("%+v", s)
	}
	for _, address := range []string{
		"", "a/b", strings.Repeat("x", 129), "arn:aws:kinesis:eu-west-3:123456789012:people",
		"arn:aws:firehose:eu-west-3:123456789012:stream/people", "arn:aws:kinesis:eu-west-3:123456789012:stream/people/consumer/c:1",
	} {
		if s, err := kinesis.Parse(address); err == nil {
			t.Errorf("%q is taken as %+v", address, s)
		}
	}
}

func TestAStreamMayTakeLargerRecords(t *testing.T) {
	for given, want := range map[int]int{0: 1 << 20, 5 << 20: 5 << 20, 99 << 20: 10 << 20} {
		c := bustest.Parse(t, kinesis.Parse, "arn:aws:kinesis:eu-west-3:123456789012:stream/people")
		c.MaxRecordBytes = given
		d, err := kinesis.New(aws.Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		if l := d.Limits(); l.EntryBytes != want || l.Bytes != 10<<20 {
			t.Errorf("MaxRecordBytes %d: limits %+v", given, l)
		}
	}
}
