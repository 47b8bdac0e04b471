package sink_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/sink"
)

func parse(t *testing.T, text string) sink.Sinks {
	t.Helper()
	var s sink.Sinks
	if err := s.UnmarshalText([]byte(text)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestAStoreIsParsed(t *testing.T) {
	standard := sink.Layout{Format: "ndjson", PartSize: 128 << 20}
	for text, want := range map[string]struct {
		kind, place string
		layout      sink.Layout
	}{
		"s3://bucket": {"s3", "s3://bucket", standard},
		"s3://bucket/a/b/?format=parquet&compression=none":  {"s3", "s3://bucket/a/b", sink.Layout{Format: "parquet", Compression: "none", PartSize: 128 << 20}},
		"S3://bucket/a?kms-key=alias/x&region=eu-central-1": {"s3", "s3://bucket/a", standard},
		"azblob://account/container/a/b?part-size=8MiB":     {"azblob", "azblob://account/container/a/b", sink.Layout{Format: "ndjson", PartSize: 8 << 20}},
		"file:///a%20folder/b?format=csv":                   {"file", "file:///a%20folder/b", sink.Layout{Format: "csv", PartSize: 128 << 20}},
		"file:///a//b/./x/../c/":                            {"file", "file:///a/b/c", standard},
	} {
		s := parse(t, text)
		if len(s.Stores) != 1 || len(s.Buses) != 0 {
			t.Errorf("%s is %+v", text, s)
			continue
		}
		got := s.Stores[0]
		if got.Kind != want.kind || got.String() != want.place || got.Layout != want.layout || got.Tables != (want.kind == "s3") {
			t.Errorf("%s is a %s at %s, laid out as %+v", text, got.Kind, got, got.Layout)
		}
	}
}

func TestABusIsParsed(t *testing.T) {
	for text, want := range map[string]struct {
		kind, name string
		each       bool
	}{
		"eventbridge://bus?users=each":                                             {"eventbridge", "event bus bus", true},
		"sns:arn:aws:sns:eu-west-1:123456789012:topic":                             {"sns", "topic topic", false},
		"sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/q?users=each":        {"sqs", "queue q", true},
		"kinesis://stream?max-bytes=5000000":                                       {"kinesis", "stream stream", false},
		"firehose://stream":                                                        {"firehose", "stream stream", false},
		"firehose://arn:aws:firehose:eu-west-3:123456789012:deliverystream/people": {"firehose", "stream people", false},
		"eventgrid://people.westeurope-1.eventgrid.azure.net?users=each":           {"eventgrid", "topic people.westeurope-1.eventgrid.azure.net", true},
		"azqueue://account/people?encoding=text&ttl=168h":                          {"azqueue", "queue people", false},
		"https://host/path?token=x#users=each&batch=50&private=allow":              {"https", "https://host", true},
	} {
		s := parse(t, text)
		if len(s.Buses) != 1 || len(s.Stores) != 0 {
			t.Errorf("%s is %+v", text, s)
			continue
		}
		got := s.Buses[0]
		if got.Kind != want.kind || got.String() != want.kind+" "+want.name || got.Feed.EachUser != want.each || got.Signed != (want.kind == "https") {
			t.Errorf("%s is %s, %+v", text, got, got.Feed)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s", got, s, s, got); strings.Contains(printed, "token") {
			t.Errorf("it prints as %s", printed)
		}
	}
}

func TestOptionsReachTheDriver(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	by := &sink.Access{Keys: func(context.Context) ([]signature.Key, error) {
		key, err := signature.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		return []signature.Key{key}, err
	}, Azure: func() (azcore.TokenCredential, error) { return &bustest.Credential{}, nil }}
	for text, want := range map[string][2]int{
		"kinesis://stream?max-bytes=5000000":                          {500, 5_000_000},
		"kinesis://stream":                                            {500, 1 << 20},
		"sns:arn:aws:sns:eu-west-1:123456789012:topic?max-bytes=1024": {10, 1024},
		"https://host/path?max-bytes=9#max-bytes=2000":                {1, 2000},
		"https://127.0.0.1/path#batch=50&private=allow":               {50, 1<<20 - 1},
		"azqueue://account/people":                                    {1, 48 << 10},
		"azqueue://account/people?encoding=text":                      {1, 64 << 10},
		"eventgrid://people.westeurope-1.eventgrid.azure.net":         {500, 999_999},
	} {
		d, err := parse(t, text).Buses[0].Open(t.Context(), by)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if l := d.Limits(); l.Entries != want[0] || l.EntryBytes != want[1] {
			t.Errorf("%s: limits %+v", text, l)
		}
	}
}

func TestAStoreIsOpenedBelowItsPrefix(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	by := &sink.Access{LookupEnv: func(name string) (string, bool) { return "a2V5", name == "AZURE_STORAGE_KEY" }}
	for text, want := range map[string][2]string{
		"s3://bucket":                  {"s3://bucket/k", "s3://bucket/state/k"},
		"s3://bucket/a/":               {"s3://bucket/a/k", "s3://bucket/a/state/k"},
		"azblob://account/container/a": {"https://account.blob.core.windows.net/container/a/k", "https://account.blob.core.windows.net/container/a/state/k"},
		"azblob://account/c?endpoint=http://127.0.0.1:1/account": {"http://127.0.0.1:1/account/c/k", "http://127.0.0.1:1/account/c/state/k"},
		"file:///a%20folder": {"file:///a%20folder/k", "file:///a%20folder/state/k"},
	} {
		for i, below := range []string{"", "state"} {
			at, err := parse(t, text).Stores[0].Open(t.Context(), by, below)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if got := at.URL("k"); got != want[i] {
				t.Errorf("%s, below %q: %s", text, below, got)
			}
		}
	}
}

func TestSinksStayInTheirOrder(t *testing.T) {
	s := parse(t, "s3://b/2 sns:arn:aws:sns:eu-west-1:123456789012:z s3://b/1\n kinesis://a")
	if diff := cmp.Diff("[s3://b/2 s3://b/1] [sns topic z kinesis stream a]", fmt.Sprint(s.Stores, " ", s.Buses)); diff != "" {
		t.Error(diff)
	}
}

func TestAStateHoldsNoList(t *testing.T) {
	for text, want := range map[string]string{
		"s3://bucket/state?kms-key=alias/x&region=eu-central-1&retention=tags": "",
		"azblob://account/container?endpoint=https://host":                     "",
		"file:///folder":                               "",
		"s3://bucket/state?format=csv":                 `s3: has no option "format"; there are kms-key, region, retention`,
		"azblob://a/c/state?retention=tags":            `azblob: has no option "retention"`,
		"file:///folder?part-size=8MiB":                `file: has no option "part-size"; there are none`,
		"sns:arn:aws:sns:eu-west-1:123456789012:topic": "is not a store; write s3://bucket/prefix",
		"folder": "is not a URL",
	} {
		var s sink.Store
		err := s.UnmarshalText([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || s.IsZero() != (err != nil) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestAnObjectIsAStoreAndAKey(t *testing.T) {
	for text, want := range map[string][2]string{
		"s3://bucket/tenants.json":                {"s3://bucket", "tenants.json"},
		"s3://bucket/a/b/tenants.json":            {"s3://bucket/a/b", "tenants.json"},
		"azblob://account/container/tenants.json": {"azblob://account/container", "tenants.json"},
		"file:///tenants.json":                    {"file:///", "tenants.json"},
		"file:///a%20folder/tenants.json":         {"file:///a%20folder", "tenants.json"},
	} {
		var o sink.Object
		if err := o.UnmarshalText([]byte(text)); err != nil || o.String() != want[0] || o.Key != want[1] {
			t.Errorf("%s is %q in %s: %v", text, o.Key, o, err)
		}
	}
	for _, text := range []string{
		"", "tenants.json", "s3://bucket", "s3://bucket/", "s3://bucket/a/", "azblob://account/container", "file://tenants.json",
		"s3://bucket/tenants.json?region=eu-west-1", "s3://bucket/a?region=x/tenants.json", "sns:arn:aws:sns:eu-west-1:123456789012:topic", "https://host/tenants.json",
	} {
		var o sink.Object
		if err := o.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "is not of the form") {
			t.Errorf("%s is %q in %s: %v", text, o.Key, o, err)
		}
	}
}

func TestAWrongSinkIsRefusedWithWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"bucket":                            "is not a URL",
		"ftp://host/x":                      "is not a kind of destination",
		"s3:bucket":                         "is not of the form s3://bucket/prefix",
		"s3:///prefix":                      "is not of the form s3://bucket/prefix",
		"s3://bucket?formt=csv":             `has no option "formt"; there are format, compression, part-size, kms-key, region, retention`,
		"s3://bucket?format=xml":            "option format is ndjson, csv or parquet",
		"s3://bucket?compression=lz4":       "option compression is gzip, zstd or none",
		"s3://bucket?format=csv&format=csv": "option format is there 2 times",
		"s3://bucket?part-size=8":           "option part-size is a number of MiB",
		"s3://bucket?retention=30":          "option retention is tags, or left out",
		"s3://bucket?users=each":            `has no option "users"`,
		"azblob://account":                  "is not of the form azblob://account/container/prefix",
		"s3://bucket/a//b":                  "its prefix has an empty name",
		"s3://bucket/a/../b":                "its prefix has an empty name",
		"azblob://account/container/100%":   "its prefix has an empty name",
		"DefaultEndpointsProtocol=https;AccountKey=secret-token==;BlobEndpoint=https://host": "is not a URL",
		"secret-token-that-is-much-too-long-for-a-kind:x":                                    "is not a URL",
		"file://host/x":              "is not of the form file:///folder",
		"file:relative":              "is not of the form file:///folder",
		"kinesis://stream?users=all": "option users is each, or left out",
		"sns:arn:aws:sns:eu-west-1:123456789012:t?max-bytes=-1":       "option max-bytes is a whole number above 0",
		"firehose://stream?max-bytes=1":                               `has no option "max-bytes"`,
		"azqueue://account/people?max-bytes=1":                        `has no option "max-bytes"; there are users, endpoint, encoding, ttl`,
		"azqueue://account/people?encoding=utf-8":                     "option encoding is base64 or text",
		"azqueue://account/people?ttl=7":                              "option ttl is never, or a duration in whole seconds",
		"azqueue://account/secret-token--x":                           "is not of the form azqueue://account/queue",
		"eventgrid://secret-token.example":                            "a topic is given by the host of its endpoint",
		"https://host/path#private=yes":                               "option private is allow, or left out",
		"https://host/path#batch=0":                                   "option batch is a whole number above 0",
		"https://host/path#%zz":                                       "its options are not of the form",
		"https://host/secret-token#bad=1":                             `has no option "bad"`,
		"sqs:https://sqs.eu-west-1.amazonaws.com/1/secret-token?bad=": `has no option "bad"`,
	} {
		var sinks sink.Sinks
		err := sinks.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "secret-token") {
			t.Errorf("the error repeats the URL: %v", err)
		}
	}
}

func TestABusOfAzureTakesNoKeys(t *testing.T) {
	by := &sink.Access{
		LookupEnv: func(string) (string, bool) { return "a2V5", true },
		Azure:     func() (azcore.TokenCredential, error) { return nil, errors.New("secret-token") },
	}
	for _, text := range []string{"azqueue://account/people", "eventgrid://people.westeurope-1.eventgrid.azure.net"} {
		_, err := parse(t, text).Buses[0].Open(t.Context(), by)
		if err == nil || !strings.Contains(err.Error(), "managed identity") || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
