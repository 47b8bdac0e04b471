package firehose_test

import (
	"bytes"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
)

type putRecordBatch struct {
	DeliveryStreamName string
	Records            []struct{ Data []byte }
}

type putRecordBatchResult struct {
	FailedPutCount   int
	RequestResponses []map[string]string
}

func messages(t *testing.T) func(*putRecordBatch) []bustest.Message {
	return func(r *putRecordBatch) []bustest.Message {
		if r.DeliveryStreamName != "people" {
			t.Errorf("stream %q", r.DeliveryStreamName)
		}
		var all []bustest.Message
		for _, record := range r.Records {
			if bytes.Count(record.Data, []byte("\n")) != 1 || record.Data[len(record.Data)-1] != '\n' {
				t.Errorf("a record is not one line: %.300q", record.Data)
			}
			all = append(all, bustest.Message{Body: record.Data, Size: len(record.Data)})
		}
		return all
	}
}

func answer(_ *putRecordBatch, faults []bustest.Fault) any {
	var out putRecordBatchResult
	for _, fault := range faults {
		if fault == bustest.None {
			out.RequestResponses = append(out.RequestResponses, map[string]string{"RecordId": "r"})
			continue
		}
		if fault == bustest.Forget {
			return out // and nothing about those after it
		}
		out.FailedPutCount++
		out.RequestResponses = append(out.RequestResponses, map[string]string{"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"})
	}
	return out
}

func open(t *testing.T) bustest.Bus {
	d := &bustest.Double{Limits: bus.Limits{Entries: 500, Bytes: 4 << 20, EntryBytes: 1000 << 10}}
	codes := bustest.Codes{Throttle: "ServiceUnavailableException", Refuse: "InvalidArgumentException", Deny: "AccessDeniedException"}
	driver := bustest.OnAWS(t, bustest.AWSJSON(t, d, codes, messages(t), answer), firehose.Parse, firehose.New, "people")
	return bustest.Bus{Driver: driver, Double: d}
}

func TestConformance(t *testing.T) { bustest.Run(t, open) }

func TestParseTakesNamesAndARNs(t *testing.T) {
	s := bustest.Parse(t, firehose.Parse, "arn:aws:firehose:eu-west-3:123456789012:deliverystream/people")
	if s.Name != "people" || s.Region != "eu-west-3" || s.String() != "stream people" {
		t.Errorf("%+v", s)
	}
	for _, address := range []string{"", "a b", "arn:aws:firehose:eu-west-3:123456789012:stream/people", "arn:aws:kinesis:eu-west-3:123456789012:deliverystream/people"} {
		if s, err := firehose.Parse(address); err == nil {
			t.Errorf("%q is taken as %+v", address, s)
		}
	}
}
