package awsbus_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
	"github.com/rollcall-dev/rollcall/pkg/bus/sns"
)

// FuzzAddress has addresses of each kind of bus. What is taken reads the same another time
// and leads to no host that its region does not name.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{
		"default", "//people", "aws.partner/example.com/1", "arn:aws:events:us-east-2:123456789012:event-bus/people", "arn:aws:sns:eu-west-1:123456789012:topic.fifo",
		"arn:aws:kinesis:eu-west-1:123456789012:stream/people", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/people", "arn:aws:sns:evil.example/:123456789012:topic",
		"arn:aws:sns:eu-west-1:12345678901\u0662:topic", "arn::::::", "", "//", "////", "arn:aws:sns:eu-west-1:123456789012:topic\n",
	} {
		f.Add(text)
	}
	parsers := []func(string) (awsbus.Address, error){
		func(s string) (awsbus.Address, error) { c, err := eventbridge.Parse(s); return c.Address, err },
		func(s string) (awsbus.Address, error) { c, err := sns.Parse(s); return c.Address, err },
		func(s string) (awsbus.Address, error) { c, err := kinesis.Parse(s); return c.Address, err },
		func(s string) (awsbus.Address, error) { c, err := firehose.Parse(s); return c.Address, err },
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, parse := range parsers {
			at, err := parse(text)
			if err != nil {
				if len(text) > 12 && strings.Contains(err.Error(), text) && !strings.Contains("arn:aws:", text) {
					t.Fatalf("%v quotes %q", err, text)
				}
				continue
			}
			again := at.Name
			if at.ARN != "" {
				again = at.ARN
			}
			second, err := parse(again)
			if err != nil || second != at || at.Name == "" || !strings.HasSuffix(text, at.Name) {
				t.Fatalf("%d: %q is %+v, then %+v, %v", i, text, at, second, err)
			}
			if at.ARN == "" && at.Region != "" || at.ARN != "" && !awsbus.IsRegion(at.Region) {
				t.Fatalf("%d: %q is in region %q", i, text, at.Region)
			}
			if a, err := arn.Parse(again); at.ARN != "" && (err != nil || a.Region != at.Region) {
				t.Fatalf("%d: %q is in region %q", i, text, at.Region)
			}
		}
	})
}

// FuzzIndex has the ids by which services name the entries of a batch.
func FuzzIndex(f *testing.F) {
	for _, id := range []string{"0", "7", "-1", "-2", "+1", "01", "", "9223372036854775808", "1e3", " 1", "१"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if i := awsbus.Index(&id); i >= 0 && aws.ToString(awsbus.ID(i)) != id || i < -1 {
			t.Fatalf("%q is entry %d", id, i)
		}
	})
}
