package statemachines_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
)

func TestAStateMachineInvokesABuiltBinary(t *testing.T) {
	binary := harness.Plain(t, "infra/e2e/harness/lambdahost/testdata/probe")
	host := harness.Start(t, lambdahost.Config{Bootstrap: binary}.Start)
	machine, err := server.Create(t.Context(), t.Name(), fmt.Sprintf(`{"StartAt":"Probe","States":{"Probe":{
		"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
		"Parameters":{"FunctionName":%q,"Payload.$":"$"},"OutputPath":"$.Payload","End":true}}}`,
		server.Function(t.Name(), stepfunctions.Hosted(host))))
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, machine, "", `{"do":"pid"}`)
	if got.Status != types.ExecutionStatusSucceeded || string(got.Output) != fmt.Sprint(host.PID()) {
		t.Errorf("it is %s with the output %s and %s: %s", got.Status, got.Output, got.Error, got.Cause)
	}
	for _, test := range [][2]string{{"fail", "Probe.Failed"}, {"exit", "Runtime.ExitError"}} {
		do, want := test[0], test[1]
		if got := run(t, machine, "", fmt.Sprintf(`{"do":%q}`, do)); got.Error != want {
			t.Errorf("%s: it is %s with %s: %s", do, got.Status, got.Error, got.Cause)
		}
	}
}
