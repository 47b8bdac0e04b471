package machines

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

func TestAStateMachineInvokesABuiltBinary(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "bootstrap")
	if err := build.Plain(t.Context(), "infra/e2e/harness/lambdahost/testdata/probe", binary); err != nil {
		t.Fatal(err)
	}
	host, err := lambdahost.Start(t.Context(), lambdahost.Config{Bootstrap: binary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	machine, err := world.Create(t.Context(), t.Name(), fmt.Sprintf(`{"StartAt":"Probe","States":{"Probe":{
		"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
		"Parameters":{"FunctionName":%q,"Payload.$":"$"},"OutputPath":"$.Payload","End":true}}}`,
		world.Function(t.Name(), Hosted(host))))
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
