package template_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryLogGroupEndsAndMayHaveAKey(t *testing.T) {
	for key, want := range map[string]any{"": nil, "arn:aws:kms:eu-west-1:123456789012:key/logs": "arn:aws:kms:eu-west-1:123456789012:key/logs"} {
		parameters := everything()
		parameters["LogsKmsKeyArn"] = key
		s := stack(t, parameters)
		groups := s.Of("AWS::Logs::LogGroup")
		if len(groups) != 7 {
			t.Errorf("the log groups are %q", groups)
		}
		for _, name := range groups {
			if got := s.Resources[name].Properties; got["RetentionInDays"] != "30" || got["KmsKeyId"] != want {
				t.Errorf("%s has %v", name, got)
			}
		}
	}
}

// A path may name a user, a query a person, a header both.
func TestTheAPIsLogWhoCallsAndNotWhatIsAsked(t *testing.T) {
	s := stack(t, everything())
	for name, setting := range map[string]string{"Api": "AccessLogSetting", "HttpStage": "AccessLogSettings", "WebhookStage": "AccessLogSettings"} {
		logs := as[struct{ DestinationArn, Format string }](t, s.Resources[name].Properties[setting])
		if logs.DestinationArn != "arn:aws:logs:eu-west-1:123456789012:log-group:<ApiLogs>" {
			t.Errorf("%s logs to %s", name, logs.DestinationArn)
		}
		var record map[string]string
		if err := json.Unmarshal([]byte(logs.Format), &record); err != nil || strings.Contains(logs.Format, "\n") {
			t.Errorf("%s: %v: %s", name, err, logs.Format)
		}
		caller := map[string]string{"Api": "caller", "HttpStage": "subject", "WebhookStage": "route"}[name] // the webhook's callers have no name
		for _, needed := range []string{caller, "time", "requestId", "sourceIp", "status", "method"} {
			if record[needed] == "" {
				t.Errorf("%s does not log the %s", name, needed)
			}
		}
		for _, variable := range regexp.MustCompile(`\$context\.[A-Za-z.]+`).FindAllString(logs.Format, -1) {
			if told := strings.ToLower(variable); strings.Contains(told, "path") || strings.Contains(told, "query") || strings.Contains(told, "protocol") || strings.Contains(told, "useragent") {
				t.Errorf("%s logs %s", name, variable)
			}
		}
	}
	for _, name := range []string{"Api", "HttpStage", "WebhookStage"} {
		properties := stack(t, byJwt(notified(map[string]string{"JwtRoles": "Audit"}))).Resources[name].Properties
		if properties["AccessLogSetting"] != nil || properties["AccessLogSettings"] != nil {
			t.Errorf("%s logs though nobody asked for it", name)
		}
	}
}

func TestAccessLogsAreDeliveredByS3AloneAndEnd(t *testing.T) {
	s := stack(t, everything())
	logging := as[struct{ DestinationBucketName, LogFilePrefix string }](t, s.Resources["Bucket"].Properties["LoggingConfiguration"])
	if logging.DestinationBucketName != "<AccessLogs>" || logging.LogFilePrefix != "snapshots/" {
		t.Errorf("the bucket logs to %+v", logging)
	}
	policy := as[document](t, s.Resources["AccessLogsPolicy"].Properties["PolicyDocument"])
	i := slices.IndexFunc(policy.Statement, func(one statement) bool { return one.Effect == "Allow" })
	if i < 0 {
		t.Fatal("S3 may not deliver")
	}
	allowed := policy.Statement[i]
	if !slices.Equal(allowed.Action, texts{"s3:PutObject"}) || !slices.Equal(allowed.Resource, texts{"<AccessLogs.Arn>/snapshots/*"}) ||
		!slices.Equal(allowed.Condition["ArnLike"]["aws:SourceArn"], texts{"<Bucket.Arn>"}) ||
		!slices.Equal(allowed.Condition["StringEquals"]["aws:SourceAccount"], texts{"123456789012"}) {
		t.Errorf("S3 delivers by %+v", allowed)
	}
	properties := s.Resources["AccessLogs"].Properties
	access := as[map[string]string](t, properties["PublicAccessBlockConfiguration"])
	for _, name := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if access[name] != "true" {
			t.Errorf("the bucket of the logs does not %s", name)
		}
	}
	rules := as[struct {
		Rules []struct{ ExpirationInDays string }
	}](t, properties["LifecycleConfiguration"])
	if len(rules.Rules) != 1 || rules.Rules[0].ExpirationInDays != "30" {
		t.Errorf("access logs end by %+v", rules)
	}
	if s := stack(t, nil); s.Resources["Bucket"].Properties["LoggingConfiguration"] != nil || len(s.Of("AWS::S3::Bucket")) != 1 {
		t.Error("the bucket logs though nobody asked for it")
	}
}

func TestQueuesAndTopicsAreReachedOverTLSOnly(t *testing.T) {
	s := stack(t, everything())
	var policies []string
	for _, kind := range []string{"AWS::SQS::Queue", "AWS::SNS::Topic"} {
		for _, name := range s.Of(kind) {
			policies = append(policies, name+"Policy")
			resource := map[string]string{"AWS::SQS::Queue": "<" + name + ".Arn>", "AWS::SNS::Topic": "<" + name + ">"}[kind]
			found := false
			for _, one := range as[document](t, s.Resources[name+"Policy"].Properties["PolicyDocument"]).Statement {
				found = found || one.Effect == "Deny" && slices.Equal(one.Resource, texts{resource}) && slices.Equal(one.Condition["Bool"]["aws:SecureTransport"], texts{"false"})
				if one.Effect == "Allow" && !slices.Equal(one.Condition["StringEquals"]["aws:SourceAccount"], texts{"123456789012"}) {
					t.Errorf("%s allows %+v", name, one)
				}
			}
			if !found {
				t.Errorf("%s is reached over plain HTTP", name)
			}
		}
	}
	for _, name := range slices.Concat(s.Of("AWS::SQS::QueuePolicy"), s.Of("AWS::SNS::TopicPolicy")) {
		of := as[struct{ Queues, Topics []string }](t, s.Resources[name].Properties)
		if want := "<" + strings.TrimSuffix(name, "Policy") + ">"; !slices.Contains(policies, name) || !slices.Equal(append(of.Queues, of.Topics...), []string{want}) {
			t.Errorf("%s is that of %+v", name, of)
		}
	}
}
