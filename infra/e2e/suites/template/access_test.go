package template_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/iam"
)

func TestEveryRoleHasInlinePoliciesOnlyAndABoundary(t *testing.T) {
	s := stack(t, everything())
	roles := s.Of("AWS::IAM::Role")
	if len(roles) != 10 {
		t.Errorf("the roles are %q", roles)
	}
	for _, name := range roles {
		properties := s.Resources[name].Properties
		if properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has managed policies", name)
		}
		if properties["PermissionsBoundary"] != "arn:aws:iam::123456789012:policy/bound" {
			t.Errorf("%s is not bounded", name)
		}
	}
}

func TestNoStatementIsWiderThanItHasToBe(t *testing.T) {
	// What the services offer nothing narrower for.
	unbounded := []string{"ec2:", "logs:CreateLogDelivery", "sts:GetWebIdentityToken"}
	for name, s := range stacks(t) {
		for role, all := range statements(t, s) {
			for _, one := range all {
				if one.Effect == "Deny" {
					continue
				}
				if one.Effect != "Allow" || len(one.NotAction) > 0 || len(one.NotResource) > 0 || len(one.Resource) == 0 {
					t.Errorf("%s: %s has the statement %+v", name, role, one)
				}
				for _, action := range one.Action {
					if strings.Contains(action, "*") {
						t.Errorf("%s: %s may do %s", name, role, action)
					}
				}
				if !slices.Contains(one.Resource, "*") {
					continue
				}
				if !slices.ContainsFunc(unbounded, func(known string) bool { return strings.HasPrefix(one.Action[0], known) }) {
					t.Errorf("%s: %s may do %q everywhere", name, role, one.Action)
				}
			}
		}
	}
}

func TestTheSnapshotFunctionMayDoThisAndNoMore(t *testing.T) {
	got := granted(statements(t, stack(t, nil))["SnapshotRole"])
	want := map[string][]string{
		"<Secret>":                       {"secretsmanager:GetSecretValue"},
		"<SnapshotLogs.Arn>":             {"logs:CreateLogStream", "logs:PutLogEvents"},
		"<Bucket.Arn>/directory/*":       {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"},
		"<Bucket.Arn>/directory/runs/*":  {"s3:DeleteObject"},
		"<Bucket.Arn>/directory/state/*": {"s3:DeleteObject"},
		"<Bucket.Arn>":                   {"s3:ListBucket"},
		"<Key.Arn>":                      {"kms:Decrypt", "kms:GenerateDataKey"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheUsersFunctionMayDoThisAndNoMore(t *testing.T) {
	got := granted(statements(t, stack(t, nil))["UsersRole"])
	want := map[string][]string{
		"<Secret>":        {"secretsmanager:GetSecretValue"},
		"<SealKey>":       {"secretsmanager:GetSecretValue"},
		"<UsersLogs.Arn>": {"logs:CreateLogStream", "logs:PutLogEvents"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheKeyIsUsedThroughTheServicesOnly(t *testing.T) {
	for name, s := range stacks(t) {
		for role, all := range statements(t, s) {
			for _, one := range all {
				if strings.HasPrefix(one.Action[0], "kms:") && one.Action[0] != "kms:Sign" && len(one.Condition["StringEquals"]["kms:ViaService"]) != 1 {
					t.Errorf("%s: %s uses a key without naming the service: %+v", name, role, one)
				}
			}
		}
	}
}

func TestServicesAssumeRolesForThisAccountOnly(t *testing.T) {
	s := stack(t, everything())
	for _, name := range s.Of("AWS::IAM::Role") {
		trust := as[document](t, s.Resources[name].Properties["AssumeRolePolicyDocument"])
		if got := trust.Statement[0].Condition["StringEquals"]["aws:SourceAccount"]; !slices.Equal(got, texts{"123456789012"}) {
			t.Errorf("%s is assumed for %q", name, got)
		}
	}
}

// statements are what each role may do.
func statements(t *testing.T, s *cloudformation.Stack) map[string][]statement {
	t.Helper()
	all, err := iam.Statements(s)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// granted sorts statements by resource.
func granted(all []statement) map[string][]string {
	by := map[string][]string{}
	for _, one := range all {
		for _, resource := range one.Resource {
			by[resource] = append(by[resource], one.Action...)
			slices.Sort(by[resource])
		}
	}
	return by
}
