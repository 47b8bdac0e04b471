package statemachines_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
)

func TestASnapshotOfOneSliceIsItsResult(t *testing.T) {
	m := snapshot(t, whole)
	got := run(t, m.arn, "", `{"run":"2026-11-22T02:15:00Z"}`)
	succeeded(t, got, result{Status: "complete", Run: "2026-11-22T02:15:00Z", Users: 3, Manifest: "s3://b/p/runs/manifest.json"})
	if diff := cmp.Diff([]request{{Run: "2026-11-22T02:15:00Z"}}, m.requests()); diff != "" {
		t.Error(diff)
	}
	if sent := alarms(t, m.topic); len(sent) != 0 {
		t.Errorf("it alarmed: %+v", sent)
	}
}

func TestASliceThatParksIsFollowedByTheNext(t *testing.T) {
	m := snapshot(t, inTurn(
		result{Status: "continue", Run: "r", Users: 1, Resume: "r.1"},
		result{Status: "continue", Run: "r", Users: 2, Resume: "r.2"},
		result{Status: "complete", Run: "r", Users: 3},
	))
	got := run(t, m.arn, "", `{"run":"r","tenant":"t","accept":"a"}`)
	succeeded(t, got, result{Status: "complete", Run: "r", Users: 3})
	want := []request{
		{Run: "r", Tenant: "t", Accept: "a"},
		{Run: "r", Tenant: "t", Accept: "a", Resume: "r.1"},
		{Run: "r", Tenant: "t", Accept: "a", Resume: "r.2"},
	}
	if diff := cmp.Diff(want, m.requests()); diff != "" {
		t.Error(diff)
	}
}

func TestARunWithoutANameHasTheNameOfTheExecution(t *testing.T) {
	for name, input := range map[string]string{"absent": `{}`, "null": `{"run":null}`, "empty": `{"run":""}`} {
		t.Run(name, func(t *testing.T) {
			m := snapshot(t, inTurn(
				fault("Sink.Failed", "the first slice, which may have begun"),
				result{Status: "continue", Resume: "x.1"},
				result{Status: "complete"},
			))
			run(t, m.arn, "by-hand-"+name, input)
			want := []request{{Run: "by-hand-" + name}, {Run: "by-hand-" + name}, {Run: "by-hand-" + name, Resume: "x.1"}}
			if diff := cmp.Diff(want, m.requests()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnUnknownFieldReachesTheFunctionWhichRefusesIt(t *testing.T) {
	m := snapshot(t, whole)
	got := run(t, m.arn, "", `{"run":"r","tennant":"t"}`)
	if got.Status != types.ExecutionStatusFailed || got.Error != "Request.Invalid" {
		t.Errorf("it is %s with %s", got.Status, got.Error)
	}
}

func TestTransientErrorsAreRetried(t *testing.T) {
	for name, err := range map[string]error{
		"Graph.Throttled":      fault("Graph.Throttled", ""),
		"Graph.Unavailable":    fault("Graph.Unavailable", ""),
		"Sink.Failed":          fault("Sink.Failed", ""),
		"State.Conflict":       fault("State.Conflict", ""),
		"Credentials.Rejected": fault("Credentials.Rejected", ""),
		"timed out":            fault("Sandbox.Timedout", ""),
		"killed":               fault("Runtime.ExitError", ""),
		"too many requests":    refusal("TooManyRequestsException", 429),
		"Lambda's own fault":   refusal("ServiceException", 500),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := snapshot(t, inTurn(err, result{Status: "continue", Resume: "r.1"}, err, result{Status: "complete", Users: 3}))
			got := run(t, m.arn, "", `{"run":"r"}`)
			succeeded(t, got, result{Status: "complete", Users: 3})
			want := []request{{Run: "r"}, {Run: "r"}, {Run: "r", Resume: "r.1"}, {Run: "r", Resume: "r.1"}}
			if diff := cmp.Diff(want, m.requests()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPermanentErrorsAreNotRetried(t *testing.T) {
	for _, name := range []string{
		"Snapshot.Incomplete", "Snapshot.Suspect", "Config.Invalid", "Request.Invalid", "Credentials.Missing",
		"Graph.AccessDenied", "Graph.BadRequest", "Graph.NotFound", "State.Invalid", "Internal.Error",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := snapshot(t, inTurn(fault(name, "what to do next")))
			failed(t, m, name, "what to do next")
			if asked := len(m.requests()); asked != 1 {
				t.Errorf("the function was asked %d times", asked)
			}
		})
	}
}

func TestRetriesAreLimited(t *testing.T) {
	m := snapshot(t, inTurn(fault("Credentials.Rejected", "the secret has expired")))
	failed(t, m, "Credentials.Rejected", "the secret has expired")
	if asked := len(m.requests()); asked != 3 {
		t.Errorf("the function was asked %d times, want once and two repetitions", asked)
	}
}

func TestAnAnswerThatIsNeitherCompleteNorContinueFails(t *testing.T) {
	for name, answer := range map[string]any{
		"nothing":                   nil,
		"text":                      "complete",
		"another status":            result{Status: "suspect"},
		"no status":                 map[string]int{"users": 3},
		"continue without a resume": result{Status: "continue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := snapshot(t, inTurn(answer))
			failed(t, m, "Snapshot.Incomplete", "neither complete nor continue")
		})
	}
}

func TestAnAlarmThatCannotBeSentDoesNotHideTheFailure(t *testing.T) {
	f := &function{answer: inTurn(fault("Snapshot.Suspect", "half of it is gone"))}
	arn := deploy(t, t.Name(), "snapshot.asl.json", map[string]string{
		"FunctionArn": server.Function(t.Name(), f.invoke), "TopicArn": "arn:aws:sns:" + cloud.Region + ":" + cloud.Account + ":nowhere",
	})
	got := run(t, arn, "", `{"run":"r"}`)
	if got.Status != types.ExecutionStatusFailed || got.Error != "Snapshot.Suspect" {
		t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
}

func TestASliceThatNeverEndsIsTimedOut(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	m := snapshotLimited(t, 1, func(int, request) (any, error) {
		<-hang
		return nil, refusal("ServiceException", 500)
	})
	got := run(t, m.arn, "", `{"run":"r"}`)
	if got.Status != types.ExecutionStatusFailed || got.Error != "Snapshot.Incomplete" {
		t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	if sent := alarms(t, m.topic); len(sent) != 1 || sent[0].Error.Error != "States.Timeout" {
		t.Errorf("it alarmed: %+v", sent)
	}
	if asked := len(m.requests()); asked != 3 {
		t.Errorf("the function was asked %d times, want once and two repetitions", asked)
	}
}

// succeeded checks an execution that published.
func succeeded(t *testing.T, got *stepfunctions.Execution, want result) {
	t.Helper()
	if got.Status != types.ExecutionStatusSucceeded {
		t.Fatalf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	var output result
	if err := json.Unmarshal(got.Output, &output); err != nil {
		t.Fatalf("the output %s: %v", got.Output, err)
	}
	if diff := cmp.Diff(want, output); diff != "" {
		t.Error(diff)
	}
}

// failed runs the machine, which has to fail and send one alarm.
func failed(t *testing.T, m *machine, name, cause string) {
	t.Helper()
	got := run(t, m.arn, "", `{"run":"r","tenant":"t"}`)
	if got.Status != types.ExecutionStatusFailed || got.Error != name || !strings.Contains(got.Cause, cause) {
		t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	want := []alarm{{
		Subject: "Rollcall: a snapshot was not published", Error: failure{name, got.Cause},
		Run: "r", Request: &request{Run: "r", Tenant: "t"}, Execution: got.ARN,
	}}
	if diff := cmp.Diff(want, alarms(t, m.topic)); diff != "" {
		t.Error(diff)
	}
}
