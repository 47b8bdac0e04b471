package template_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudwatch"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// awsMetrics are the metrics of AWS's own that the template may name, with their dimensions
// and the kind of resource that each of these is of: the reference pages of each service.
func awsMetrics() map[string]map[string]string {
	ofFunction, ofMachine, ofQueue := map[string]string{"FunctionName": "AWS::Serverless::Function"}, map[string]string{"StateMachineArn": "AWS::Serverless::StateMachine"}, map[string]string{"QueueName": "AWS::SQS::Queue"}
	ofRest, ofHTTP := map[string]string{"ApiName": "", "Stage": ""}, map[string]string{"ApiId": "AWS::ApiGatewayV2::Api"}
	all := map[string]map[string]string{}
	for names, dimensions := range map[string]map[string]string{
		"AWS/Lambda Errors Throttles Duration ConcurrentExecutions AsyncEventsDropped":         ofFunction,
		"AWS/States ExecutionsSucceeded ExecutionsFailed ExecutionsTimedOut ExecutionsAborted": ofMachine,
		"AWS/SQS ApproximateNumberOfMessagesVisible ApproximateAgeOfOldestMessage":             ofQueue,
		"AWS/ApiGateway 4XXError 5XXError":                                                     ofRest,
		"AWS/ApiGateway 4xx 5xx":                                                               ofHTTP,
	} {
		words := strings.Fields(names)
		for _, name := range words[1:] {
			all[words[0]+" "+name] = dimensions
		}
	}
	return all
}

// metric is one that an alarm or a widget names.
type metric struct {
	where, namespace, name string
	dimensions             map[string]string
}

// named are the metrics of a stack's alarms.
func named(t *testing.T, s *cloudformation.Stack) []metric {
	t.Helper()
	type definition struct {
		Namespace, MetricName string
		Dimensions            []struct{ Name, Value string }
	}
	var all []metric
	for _, alarm := range s.Of("AWS::CloudWatch::Alarm") {
		a := as[struct {
			definition
			Metrics []struct{ MetricStat *struct{ Metric definition } }
		}](t, s.Resources[alarm].Properties)
		found := []definition{a.definition}
		for _, part := range a.Metrics {
			if part.MetricStat != nil {
				found = append(found, part.MetricStat.Metric)
			}
		}
		for _, d := range found {
			if d.MetricName == "" {
				continue
			}
			m := metric{alarm, d.Namespace, d.MetricName, map[string]string{}}
			for _, each := range d.Dimensions {
				m.dimensions[each.Name] = each.Value
			}
			all = append(all, m)
		}
	}
	return all
}

// widget is one of the dashboard.
type widget struct {
	Type       string
	Properties struct {
		Title, Region, Stat string
		Period              int
		Metrics             [][]any
		Alarms              []string
	}
}

func widgets(t *testing.T, s *cloudformation.Stack) []widget {
	t.Helper()
	var body struct{ Widgets []widget }
	text := s.Resources["Dashboard"].Properties["DashboardBody"].(string)
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("the dashboard is no JSON: %v\n%s", err, text)
	}
	return body.Widgets
}

// shown are the metrics of its dashboard.
func shown(t *testing.T, s *cloudformation.Stack) []metric {
	t.Helper()
	var all []metric
	for _, w := range widgets(t, s) {
		for _, row := range w.Properties.Metrics {
			m := metric{w.Properties.Title, row[0].(string), row[1].(string), map[string]string{}}
			for i := 2; i+1 < len(row); i += 2 {
				m.dimensions[row[i].(string)] = row[i+1].(string)
			}
			all = append(all, m)
		}
	}
	return all
}

// jobs are what the functions say that they do.
func jobs() map[string]string {
	return map[string]string{
		"<UsersFunction>": telemetry.JobUsers, "<SnapshotFunction>": telemetry.JobSnapshot, "<ChangesFunction>": telemetry.JobChanges, "<RotateFunction>": telemetry.JobRotate,
	}
}

func TestEveryMetricThatIsNamedIsPublished(t *testing.T) {
	own := map[string]telemetry.Definition{}
	for _, d := range telemetry.Definitions() {
		own[string(d.Metric)] = d
	}
	unseen := map[string]bool{}
	for name := range own {
		unseen[name] = true
	}
	for name, s := range stacks(t) {
		for _, m := range slices.Concat(named(t, s), shown(t, s)) {
			if m.namespace == telemetry.Namespace {
				function := m.dimensions[telemetry.Dimension]
				_, made := s.Resources[strings.Trim(function, "<>")]
				if len(m.dimensions) != 1 || !made || !slices.Contains(own[m.name].Jobs, jobs()[function]) {
					t.Errorf("%s, %s: nothing publishes %s of %v", name, m.where, m.name, m.dimensions)
				}
				delete(unseen, m.name)
				continue
			}
			checkAWS(t, name, s, m)
		}
	}
	for metric := range unseen {
		t.Errorf("no alarm and no widget shows %s", metric)
	}
}

func checkAWS(t *testing.T, name string, s *cloudformation.Stack, m metric) {
	t.Helper()
	dimensions, known := awsMetrics()[m.namespace+" "+m.name]
	if m.namespace == "AWS/ApiGateway" && (m.name == "Count" || m.name == "Latency") { // which both kinds of API have
		known, dimensions = true, awsMetrics()["AWS/ApiGateway 4xx"]
		if m.dimensions["ApiName"] != "" {
			dimensions = awsMetrics()["AWS/ApiGateway 4XXError"]
		}
	}
	if !known || len(dimensions) != len(m.dimensions) {
		t.Errorf("%s, %s: AWS has no metric %s %s of %v", name, m.where, m.namespace, m.name, m.dimensions)
	}
	for dimension, kind := range dimensions {
		resource, _, _ := strings.Cut(strings.Trim(m.dimensions[dimension], "<>"), ".")
		if kind != "" && s.Resources[resource].Type != kind {
			t.Errorf("%s, %s: %s of %s %s is %q", name, m.where, dimension, m.namespace, m.name, m.dimensions[dimension])
		}
	}
	if rest := as[struct{ Name, StageName string }](t, s.Resources["Api"].Properties); m.dimensions["ApiName"] != "" && (m.dimensions["ApiName"] != rest.Name || m.dimensions["Stage"] != rest.StageName) {
		t.Errorf("%s, %s: there is no API %v", name, m.where, m.dimensions)
	}
}

func TestAnAlarmIsRaisedSaysWhatToDoAndIsOnTheDashboard(t *testing.T) {
	for name, s := range stacks(t) {
		var onBoard []string
		for _, w := range widgets(t, s) {
			onBoard = append(onBoard, w.Properties.Alarms...)
			if w.Type != "alarm" && (w.Type != "metric" || w.Properties.Title == "" || w.Properties.Region != "eu-west-1" || w.Properties.Period == 0) {
				t.Errorf("%s: the widget %+v", name, w)
			}
		}
		alarms := s.Of("AWS::CloudWatch::Alarm")
		for _, alarm := range alarms {
			a := as[struct {
				AlarmDescription, TreatMissingData string
				AlarmActions                       []string
			}](t, s.Resources[alarm].Properties)
			if !strings.HasSuffix(a.AlarmDescription, "docs/operate.md#alarms") || len(a.AlarmDescription) > 1024 || len(a.AlarmDescription) < 100 {
				t.Errorf("%s: %s says %q", name, alarm, a.AlarmDescription)
			}
			if !slices.Equal(a.AlarmActions, []string{"<Alarms>"}) || a.TreatMissingData == "" {
				t.Errorf("%s: %s does %q, and of missing data thinks %q", name, alarm, a.AlarmActions, a.TreatMissingData)
			}
			if !slices.Contains(onBoard, "<"+alarm+".Arn>") {
				t.Errorf("%s: %s is not on the dashboard", name, alarm)
			}
		}
		if len(onBoard) != len(alarms) {
			t.Errorf("%s: the dashboard shows %q", name, onBoard)
		}
	}
}

func TestDeadLettersAreSeen(t *testing.T) {
	for name, s := range stacks(t) {
		watched, drawn := map[string]bool{}, map[string]bool{}
		for _, m := range named(t, s) {
			watched[m.name+" "+m.dimensions["QueueName"]] = true
		}
		for _, m := range shown(t, s) {
			drawn[m.name+" "+m.dimensions["QueueName"]] = true
		}
		for _, q := range s.Of("AWS::SQS::Queue") { // those of dead letters have none themselves
			dead, visible := as[queue](t, s.Resources[q].Properties).RedrivePolicy.Target == "", "ApproximateNumberOfMessagesVisible <"+q+".QueueName>"
			if dead != watched[visible] || dead != drawn[visible] {
				t.Errorf("%s: %s takes dead letters: %t; it is watched: %t, drawn: %t", name, q, dead, watched[visible], drawn[visible])
			}
		}
	}
}

// CloudWatch takes no alarm that looks back for longer than a day, or a week where its
// period is an hour at least.
func TestAlarmsLookBackNoLongerThanCloudWatchDoes(t *testing.T) {
	const day = 24 * time.Hour
	for _, hours := range []string{"0", "26", "168"} {
		s := stack(t, map[string]string{"StaleHours": hours})
		if _, made := s.Resources["StaleAlarm"]; made != (hours != "0") {
			t.Errorf("with %s hours there is a stale alarm: %t", hours, made)
		}
		for _, alarm := range s.Of("AWS::CloudWatch::Alarm") {
			a, err := cloudwatch.Parse(s.Resources[alarm].Properties)
			if err != nil {
				t.Fatalf("%s: %v", alarm, err)
			}
			period, total := a.LooksBack()
			limit := day
			if period >= time.Hour {
				limit = 7 * day
			}
			if total > limit {
				t.Errorf("%s looks back %s", alarm, total)
			}
		}
	}
}
