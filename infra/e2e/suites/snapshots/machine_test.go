package snapshots

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/machines"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

// cloud is one AWS with the two state machines over the built function, whose
// bucket, secrets and alarms are in it, too.
type cloud struct {
	*testing.T
	aws               *machines.World
	client            *awss3.Client
	snapshot, tenants string // machines
	topic             *machines.Topic
	slices            int
}

const cloudBucket = "rollcall-machines"

// startCloud deploys: a function with this environment and time limit.
func startCloud(t *testing.T, city *city, timeout time.Duration, env ...string) *cloud {
	t.Helper()
	w, err := machines.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	c := &cloud{T: t, aws: w, client: awss3.NewFromConfig(w.Config(), func(o *awss3.Options) { o.UsePathStyle = true })}
	if _, err := c.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{
		Bucket:                    aws.String(cloudBucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: machines.Region},
	}); err != nil {
		t.Fatal(err)
	}
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, city.ca, 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := lambdahost.Start(t.Context(), lambdahost.Config{
		Bootstrap: shared.bootstrap, Timeout: timeout,
		Env: append([]string{
			"SSL_CERT_FILE=" + authority, "ROLLCALL_LOGIN_URL=" + city.url, "ROLLCALL_GRAPH_URL=" + city.url,
			"AWS_ENDPOINT_URL=" + w.URL, "ROLLCALL_SINKS=s3://" + cloudBucket + "/" + prefix,
		}, env...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	function := machines.Hosted(host)
	arn := w.Function("snapshot", func(ctx context.Context, event json.RawMessage) (any, error) {
		c.slices++
		return function(ctx, event)
	})
	if c.topic, err = w.Topic(t.Context(), "alarms"); err != nil {
		t.Fatal(err)
	}
	c.snapshot = c.create("snapshot", map[string]string{"FunctionArn": arn, "TopicArn": c.topic.ARN})
	c.tenants = c.create("tenants", map[string]string{
		"Bucket": cloudBucket, "TenantsKey": "tenants.json", "AtOnce": "1", "SnapshotMachineArn": c.snapshot, "TopicArn": c.topic.ARN,
	})
	return c
}

func (c *cloud) create(name string, substitutions map[string]string) string {
	c.Helper()
	definition, err := machines.Definition("../../../statemachine/"+name+".asl.json", substitutions)
	if err == nil {
		definition, err = machines.Hurried(definition)
	}
	if err != nil {
		c.Fatal(err)
	}
	arn, err := c.aws.Create(c.Context(), name, definition)
	if err != nil {
		c.Fatal(err)
	}
	return arn
}

func (c *cloud) secret(name string, tenant *simulator.Tenant) {
	c.Helper()
	cfg := tenant.Config()
	value, err := json.Marshal(map[string]string{"TenantID": cfg.Tenant, "ClientID": cfg.ClientID, "ClientSecret": cfg.ClientSecret})
	if err == nil {
		_, err = secretsmanager.NewFromConfig(c.aws.Config()).CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{
			Name: aws.String(name), SecretString: aws.String(string(value)),
		})
	}
	if err != nil {
		c.Fatal(err)
	}
}

// published reads a tenant's list from the bucket, nil if there is none.
func (c *cloud) published(tenant *simulator.Tenant) *snapshot.Manifest {
	c.Helper()
	at, err := s3.New(c.aws.Config(), s3.Config{Bucket: cloudBucket, Prefix: prefix})
	if err != nil {
		c.Fatal(err)
	}
	w := &world{T: c.T, tenant: tenant, bucket: at}
	if _, err := w.maybe("latest/tenant=" + tenant.Config().Tenant + ".json"); err != nil {
		return nil
	}
	m, users := w.latest()
	want := present(tenant, tenant.Config().Users, nil)
	if len(users) != len(want) || len(w.usersTable()) != len(want) {
		c.Errorf("%d users are published, %d in the table, the tenant has %d", len(users), len(w.usersTable()), len(want))
	}
	return m
}

func (c *cloud) run(machine, input string) *machines.Execution {
	c.Helper()
	execution, err := c.aws.Run(c.Context(), machine, "", input)
	if err != nil {
		c.Fatal(err)
	}
	return execution
}

func TestTheStateMachineRunsTheBuiltFunctionToTheEndOfALargeTenant(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: 6000, Latency: 500 * time.Millisecond})
	c := startCloud(t, startCity(t, tenant), 9*time.Second, "ROLLCALL_PAGE_SIZE=150", "ROLLCALL_CREDENTIALS=secretsmanager:rollcall")
	c.secret("rollcall", tenant)
	got := c.run(c.snapshot, `{"run":"2026-11-22T02:15:00Z"}`)
	if got.Status != types.ExecutionStatusSucceeded {
		t.Fatalf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	var result snapshot.Result
	if err := json.Unmarshal(got.Output, &result); err != nil || result.Status != snapshot.Complete || result.Users != 6000 {
		t.Errorf("its output is %s", got.Output)
	}
	if c.slices < 3 {
		t.Errorf("it took %d slices, want at least 3", c.slices)
	}
	if m := c.published(tenant); m == nil || m.Run != "2026-11-22T021500Z" || !m.Verified {
		t.Errorf("the manifest is %+v", m)
	}
}

func TestATenantWithoutPermissionStopsNoOtherTenant(t *testing.T) {
	tenants := []*simulator.Tenant{
		simulator.New(simulator.Config{Users: 300, Tenant: "11111111-1111-4111-8111-111111111111"}),
		simulator.New(simulator.Config{Users: 400, Tenant: "22222222-2222-4222-8222-222222222222", Faults: []simulator.Fault{{Name: "403", Times: -1}}}),
		simulator.New(simulator.Config{Users: 500, Tenant: "33333333-3333-4333-8333-333333333333"}),
	}
	c := startCloud(t, startCity(t, tenants...), 20*time.Second, "ROLLCALL_TENANTS=s3://"+cloudBucket+"/tenants.json")
	var rows []string
	for _, tenant := range tenants {
		guid := tenant.Config().Tenant
		c.secret("rollcall/"+guid, tenant)
		rows = append(rows, `{"tenant":"`+guid+`","credentials":"secretsmanager:rollcall/`+guid+`"}`)
	}
	_, err := c.client.PutObject(t.Context(), &awss3.PutObjectInput{
		Bucket: aws.String(cloudBucket), Key: aws.String("tenants.json"), Body: strings.NewReader("[" + strings.Join(rows, ",") + "]"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := c.run(c.tenants, `{"run":"2026-11-22T02:15:00Z"}`)
	if got.Status != types.ExecutionStatusFailed || !strings.HasPrefix(got.Cause, "2 of 3 tenants were published") {
		t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	for i, tenant := range tenants {
		if m := c.published(tenant); (m != nil) != (i != 1) {
			t.Errorf("tenant %d has the manifest %+v", i+1, m)
		}
	}
	alarms, err := c.topic.Messages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := errors.New("no alarm names the permission")
	for _, alarm := range alarms {
		if strings.Contains(alarm.Body, "Graph.AccessDenied") && strings.Contains(alarm.Body, "User.Read.All") {
			told = nil
		}
	}
	if told != nil {
		t.Errorf("%v: %+v", told, alarms)
	}
}
