package sink_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/sink"
)

func TestNoSinkSpeaksPlainHTTPToAnotherMachine(t *testing.T) {
	access := &sink.Access{LookupEnv: func(string) (string, bool) { return "a2V5", true }}
	for variable, sinks := range map[string][]string{
		"AWS_ENDPOINT_URL": {
			"s3://people/exports", "eventbridge://people", "sns:arn:aws:sns:eu-west-1:123456789012:people",
			"sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/people", "kinesis://people", "firehose://people",
		},
		"AWS_ENDPOINT_URL_S3":          {"s3://people/exports"},
		"AWS_ENDPOINT_URL_EVENTBRIDGE": {"eventbridge://people"},
		"AWS_ENDPOINT_URL_SNS":         {"sns:arn:aws:sns:eu-west-1:123456789012:people"},
		"AWS_ENDPOINT_URL_SQS":         {"sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/people"},
		"AWS_ENDPOINT_URL_KINESIS":     {"kinesis://people"},
		"AWS_ENDPOINT_URL_FIREHOSE":    {"firehose://people"},
	} {
		for _, text := range sinks {
			for address, refused := range map[string]bool{
				"http://10.0.0.1:9000": true, "http://gateway.example": true, "http://localhost.gateway.example": true, "ftp://127.0.0.1": true,
				"http://127.0.0.1:9000": false, "http://localhost:9000": false, "https://gateway.example": false,
			} {
				t.Run(variable+"="+address+" "+text, func(t *testing.T) {
					t.Setenv("AWS_REGION", "eu-west-1")
					t.Setenv(variable, address)
					var all sink.Sinks
					if err := all.UnmarshalText([]byte(text)); err != nil {
						t.Fatal(err)
					}
					access := &sink.Access{LookupEnv: access.LookupEnv} // the SDK's configuration is loaded once
					var err error
					if len(all.Stores) > 0 {
						_, err = all.Stores[0].Open(t.Context(), access, "")
					} else {
						_, err = all.Buses[0].Open(t.Context(), access)
					}
					if refused != (err != nil) || refused && !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
						t.Errorf("it is %v", err)
					}
				})
			}
		}
	}
}
