package snapshots_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

// stack is one AWS with the two state machines over the built function, whose
// bucket, secrets and alarms are in it, too.
type stack struct {
	*testing.T
	aws               *stepfunctions.Server
	snapshot, tenants string // state machines
	topic             *stepfunctions.Topic
	slices            int
}

const stackBucket = "rollcall-machines"

// deployStack deploys a function with a time limit and these variables.
func deployStack(t *testing.T, host *tenant.Shared, timeout time.Duration, env ...string) *stack {
	t.Helper()
	s := &stack{T: t, aws: harness.Start(t, stepfunctions.Start)}
	if err := cloud.CreateBucket(t.Context(), s.aws.Config(), stackBucket); err != nil {
		t.Fatal(err)
	}
	env = slices.Concat(host.Hosts(), []string{"AWS_ENDPOINT_URL=" + s.aws.URL, "ROLLCALL_SINKS=s3://" + stackBucket + "/" + prefix}, env)
	function := stepfunctions.Hosted(harness.Start(t, lambdahost.Config{Bootstrap: shared.bootstrap, Timeout: timeout, Env: env}.Start))
	arn := s.aws.Function("snapshot", func(ctx context.Context, event json.RawMessage) (any, error) {
		s.slices++
		return function(ctx, event)
	})
	var err error
	if s.topic, err = s.aws.Topic(t.Context(), "alarms"); err != nil {
		t.Fatal(err)
	}
	s.snapshot, err = s.aws.Deploy(t.Context(), "snapshot", "snapshot.asl.json", map[string]string{"FunctionArn": arn, "TopicArn": s.topic.ARN})
	if err != nil {
		t.Fatal(err)
	}
	s.tenants, err = s.aws.Deploy(t.Context(), "tenants", "tenants.asl.json", map[string]string{
		"Bucket": stackBucket, "TenantsKey": "tenants.json", "AtOnce": "1", "SnapshotMachineArn": s.snapshot, "TopicArn": s.topic.ARN,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// secret puts a tenant's credentials into Secrets Manager.
func (s *stack) secret(name string, of *tenant.Tenant) {
	s.Helper()
	text, err := of.Secret(of.ClientSecret)
	if err == nil {
		_, err = secretsmanager.NewFromConfig(s.aws.Config()).CreateSecret(s.Context(), &secretsmanager.CreateSecretInput{
			Name: &name, SecretString: &text,
		})
	}
	if err != nil {
		s.Fatal(err)
	}
}

// published reads a tenant's list from the bucket, nil if there is none.
func (s *stack) published(of *tenant.Tenant) *snapshot.Manifest {
	s.Helper()
	bucket, err := s3.New(s.aws.Config(), s3.Config{Bucket: stackBucket, Prefix: prefix})
	if err != nil {
		s.Fatal(err)
	}
	d := &deployment{T: s.T, tenant: of, bucket: bucket}
	if _, err := d.get("latest/tenant=" + of.TenantID + ".json"); err != nil {
		return nil
	}
	m, users := d.latest()
	want := present(of, of.Config().Users, nil)
	if len(users) != len(want) || len(d.usersTable()) != len(want) {
		s.Errorf("%d users are published, %d in the table, the tenant has %d", len(users), len(d.usersTable()), len(want))
	}
	return m
}

func (s *stack) run(machine, input string) *stepfunctions.Execution {
	s.Helper()
	execution, err := s.aws.Run(s.Context(), machine, "", input)
	if err != nil {
		s.Fatal(err)
	}
	return execution
}

func TestTheStateMachineRunsTheBuiltFunctionToTheEndOfALargeTenant(t *testing.T) {
	large := tenant.New(simulator.Config{Users: 6000, Latency: 500 * time.Millisecond})
	s := deployStack(t, harness.Start(t, tenant.NewShared(large).Start), 9*time.Second, "ROLLCALL_PAGE_SIZE=150", "ROLLCALL_PARALLEL=1", "ROLLCALL_CREDENTIALS=secretsmanager:rollcall")
	s.secret("rollcall", large)
	got := s.run(s.snapshot, `{"run":"2026-11-22T02:15:00Z"}`)
	if got.Status != types.ExecutionStatusSucceeded {
		t.Fatalf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	var result snapshot.Result
	if err := json.Unmarshal(got.Output, &result); err != nil || result.Status != snapshot.Complete || result.Users != 6000 {
		t.Errorf("its output is %s", got.Output)
	}
	if s.slices < 3 {
		t.Errorf("it took %d slices, want at least 3", s.slices)
	}
	if m := s.published(large); m == nil || m.Run != "2026-11-22T021500Z" || !m.Verified {
		t.Errorf("the manifest is %+v", m)
	}
}

func TestATenantWithoutPermissionStopsNoOtherTenant(t *testing.T) {
	tenants := []*tenant.Tenant{
		tenant.New(simulator.Config{Users: 300, Tenant: "11111111-1111-4111-8111-111111111111"}),
		tenant.New(simulator.Config{Users: 400, Tenant: "22222222-2222-4222-8222-222222222222", Faults: []simulator.Fault{{Name: "403", Times: -1}}}),
		tenant.New(simulator.Config{Users: 500, Tenant: "33333333-3333-4333-8333-333333333333"}),
	}
	s := deployStack(t, harness.Start(t, tenant.NewShared(tenants...).Start), 20*time.Second, "ROLLCALL_TENANTS=s3://"+stackBucket+"/tenants.json")
	var rows []string
	for _, each := range tenants {
		guid := each.TenantID
		s.secret("rollcall/"+guid, each)
		rows = append(rows, `{"tenant":"`+guid+`","credentials":"secretsmanager:rollcall/`+guid+`"}`)
	}
	_, err := cloud.S3(s.aws.Config()).PutObject(t.Context(), &awss3.PutObjectInput{
		Bucket: aws.String(stackBucket), Key: aws.String("tenants.json"), Body: strings.NewReader("[" + strings.Join(rows, ",") + "]"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := s.run(s.tenants, `{"run":"2026-11-22T02:15:00Z"}`)
	if got.Status != types.ExecutionStatusFailed || !strings.HasPrefix(got.Cause, "2 of 3 tenants were published") {
		t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	for i, each := range tenants {
		if m := s.published(each); (m != nil) != (i != 1) {
			t.Errorf("tenant %d has the manifest %+v", i+1, m)
		}
	}
	alarms, err := s.topic.Messages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(alarms, func(alarm stepfunctions.Message) bool {
		return strings.Contains(alarm.Body, "Graph.AccessDenied") && strings.Contains(alarm.Body, "User.Read.All")
	}) {
		t.Errorf("no alarm names the permission: %+v", alarms)
	}
}
