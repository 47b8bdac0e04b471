package template_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	rotation "github.com/rollcall-dev/rollcall/pkg/rotation/aws"
	"github.com/rollcall-dev/rollcall/pkg/webhook/aws"
)

func TestTheScheduleStartsTheMachineWithItsTimeAsTheRun(t *testing.T) {
	for machine, parameters := range map[string]map[string]string{"<SnapshotMachine>": nil, "<TenantsMachine>": everything()} {
		s := stack(t, parameters)
		schedule := s.Resources["SnapshotSchedule"].Properties
		target := schedule["Target"].(map[string]any)
		want := map[string]any{
			"Arn": machine, "RoleArn": "<SchedulerRole.Arn>", "Input": `{"run":"<aws.scheduler.scheduled-time>"}`,
			"RetryPolicy":      map[string]any{"MaximumEventAgeInSeconds": "3600", "MaximumRetryAttempts": "20"},
			"DeadLetterConfig": map[string]any{"Arn": "<NotStarted.Arn>"},
		}
		if diff := cmp.Diff(want, target); diff != "" {
			t.Error(diff)
		}
		if got := granted(statements(t, s)["SchedulerRole"])[machine]; !slices.Equal(got, []string{"states:StartExecution"}) {
			t.Errorf("the schedule may do %q with %s", got, machine)
		}
	}
}

func TestWithoutAScheduleThereIsNothingOfIt(t *testing.T) {
	s := stack(t, map[string]string{"Schedule": ""})
	for _, name := range []string{"SnapshotSchedule", "SchedulerRole", "NotStarted", "NotStartedAlarm"} {
		if _, made := s.Resources[name]; made {
			t.Errorf("there is %s", name)
		}
	}
}

func TestTheStateMachinesGetEveryValueTheyName(t *testing.T) {
	s := stack(t, everything())
	names := s.Of("AWS::Serverless::StateMachine")
	if len(names) != 3 {
		t.Fatalf("the state machines are %q", names)
	}
	for _, name := range names {
		properties := s.Resources[name].Properties
		file := harness.Path(t, properties["DefinitionUri"].(string))
		given := slices.Sorted(maps.Keys(properties["DefinitionSubstitutions"].(map[string]any)))
		named, err := stepfunctions.Placeholders(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(named, given); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		logging := as[struct{ Level, IncludeExecutionData string }](t, properties["Logging"])
		if logging.Level != "ERROR" || logging.IncludeExecutionData != "false" {
			t.Errorf("%s logs %+v", name, logging)
		}
	}
}

func TestTheFunctionsUnderstandTheirEnvironment(t *testing.T) {
	// What only AWS gives: names as they are, and what is of another form.
	names := strings.NewReplacer("<OrderedEvents>", "https://sqs.eu-west-1.amazonaws.com/123456789012/stack-OrderedEvents-1.fifo",
		"<ChangesQueue>", "https://sqs.eu-west-1.amazonaws.com/123456789012/stack-ChangesQueue-1.fifo",
		"<Secret>", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Secret-1-AbCdEf",
		"<SnapshotMachine>", "arn:aws:states:eu-west-1:123456789012:stateMachine:SnapshotMachine-1",
		"<TenantsMachine>", "arn:aws:states:eu-west-1:123456789012:stateMachine:TenantsMachine-1", "<", "", ">", "")
	for name, s := range stacks(t) {
		for _, function := range s.Of("AWS::Serverless::Function") {
			variables := s.Resources[function].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			var environ []string
			for variable, value := range variables {
				environ = append(environ, variable+"="+names.Replace(fmt.Sprint(value)))
			}
			var settings any = new(publisher.Settings)
			switch function {
			case "WebhookFunction":
				settings = new(aws.Settings)
			case "RotateFunction":
				settings = new(rotation.Settings)
			}
			if _, err := config.Read(environ, settings); err != nil {
				t.Errorf("%s, %s: %v", name, function, err)
			}
		}
	}
}

func TestLambdaDoesNotRepeatASnapshotItself(t *testing.T) {
	properties := stack(t, nil).Resources["SnapshotFunction"].Properties
	if diff := cmp.Diff(map[string]any{"MaximumRetryAttempts": "0"}, properties["EventInvokeConfig"]); diff != "" {
		t.Error(diff)
	}
}
