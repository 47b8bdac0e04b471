package publisher

import (
	"strings"
	"testing"
)

func TestASinkIsTakenApart(t *testing.T) {
	for text, want := range map[string]sink{
		"s3://bucket": {kind: "s3", address: "bucket"},
		"s3://bucket/a/b/?format=parquet&compression=none":  {kind: "s3", address: "bucket", path: "a/b"},
		"S3://bucket/a?kms-key=alias/x&region=eu-central-1": {kind: "s3", address: "bucket", path: "a"},
		"azblob://account/container/a/b?part-size=8MiB":     {kind: "azblob", address: "account/container", path: "a/b"},
		"file:///a%20folder/b?format=csv":                   {kind: "file", address: "/a folder/b"},
		"file:///a//b/./x/../c/":                            {kind: "file", address: "/a/b/c"},
		"eventbridge://bus?users=each":                      {kind: "eventbridge", address: "bus"},
		"sns:arn:aws:sns:eu-west-1:123456789012:topic":      {kind: "sns", address: "arn:aws:sns:eu-west-1:123456789012:topic"},
		"sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/q?users=each": {
			kind: "sqs", address: "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
		},
		"kinesis://stream?max-bytes=5000000":                          {kind: "kinesis", address: "stream"},
		"firehose://stream":                                           {kind: "firehose", address: "stream"},
		"https://host/path?token=x#users=each&batch=50&private=allow": {kind: "https", address: "https://host/path?token=x"},
	} {
		s, err := parseSink(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s.kind != want.kind || s.address != want.address || s.path != want.path {
			t.Errorf("%s is %+v", text, s)
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
		"https://host/path#private=yes":                               "option private is allow, or left out",
		"https://host/path#batch=0":                                   "option batch is a whole number above 0",
		"https://host/path#%zz":                                       "its options are not of the form",
		"https://host/secret-token#bad=1":                             `has no option "bad"`,
		"sqs:https://sqs.eu-west-1.amazonaws.com/1/secret-token?bad=": `has no option "bad"`,
	} {
		_, err := parseSink(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "secret-token") {
			t.Errorf("the error repeats the URL: %v", err)
		}
	}
}
