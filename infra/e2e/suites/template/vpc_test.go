package template_test

import (
	"slices"
	"strings"
	"testing"
)

func TestInAVpcTheFunctionsOwnCodeHasNoNetworkInterfaces(t *testing.T) {
	s := stack(t, everything())
	all := statements(t, s)
	for role, function := range map[string]string{"UsersRole": "UsersFunction", "SnapshotRole": "SnapshotFunction", "ChangesRole": "ChangesFunction", "WebhookRole": "WebhookFunction", "RotateRole": "RotateFunction"} {
		var allowed, denied []string
		for _, one := range all[role] {
			switch {
			case !strings.HasPrefix(one.Action[0], "ec2:"):
			case one.Effect == "Allow":
				allowed = append(allowed, one.Action...)
			default:
				denied = append(denied, one.Action...)
				if want := (texts{"<" + function + ".Arn>", "<" + function + ".Arn>:*"}); !slices.Equal(one.Condition["ArnLike"]["lambda:SourceFunctionArn"], want) {
					t.Errorf("%s: the code of %v is denied it", role, one.Condition)
				}
			}
		}
		if len(allowed) == 0 {
			t.Errorf("%s: Lambda cannot reach the VPC", role)
		}
		for _, action := range allowed {
			if !slices.Contains(denied, action) {
				t.Errorf("%s: the function's code may do %s", role, action)
			}
		}
	}
	if s := stack(t, notified(nil)); len(s.Of("AWS::IAM::Policy")) > 0 {
		t.Errorf("without a VPC there is %q", s.Of("AWS::IAM::Policy"))
	}
}

func TestAMapOfTenantsCanBeRedriven(t *testing.T) {
	got := granted(statements(t, stack(t, everything()))["TenantsMachineRole"])
	children := "arn:aws:states:eu-west-1:123456789012:execution:<TenantsMachine.Name>/tenants:*"
	if !slices.Contains(got[children], "states:RedriveExecution") {
		t.Errorf("the machine may do %q with its map's executions", got[children])
	}
}
