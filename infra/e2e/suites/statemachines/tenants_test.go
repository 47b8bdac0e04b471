package statemachines_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
)

// The tenants of the tests.
const (
	first  = "11111111-1111-4111-8111-111111111111"
	second = "22222222-2222-4222-8222-222222222222"
	third  = "33333333-3333-4333-8333-333333333333"
)

func TestEveryTenantOfTheFileIsPublished(t *testing.T) {
	m := snapshot(t, whole)
	tenants, sent := tenantsMachine(t, m, rows(first, second, third))
	got := run(t, tenants, "", `{"run":"2026-11-22T02:15:00Z"}`)
	if got.Status != types.ExecutionStatusSucceeded {
		t.Fatalf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	var output struct {
		Run     string
		Tenants int
		Results struct{ Bucket, Key string }
	}
	if err := json.Unmarshal(got.Output, &output); err != nil {
		t.Fatal(err)
	}
	if output.Run != "2026-11-22T02:15:00Z" || output.Tenants != 3 || !strings.HasPrefix(output.Results.Key, "map/") {
		t.Errorf("its output is %s", got.Output)
	}
	const at = "2026-11-22T02:15:00Z"
	asked(t, m, request{Run: at, Tenant: first}, request{Run: at, Tenant: second}, request{Run: at, Tenant: third})
	if sent := alarms(t, sent); len(sent) != 0 {
		t.Errorf("it alarmed: %+v", sent)
	}
}

func TestATenantThatFailsStopsNoOther(t *testing.T) {
	m := snapshot(t, func(call int, asked request) (any, error) {
		if asked.Tenant == second {
			return nil, fault("Snapshot.Suspect", "half of it is gone")
		}
		if asked.Resume == "" {
			return result{Status: "continue", Resume: "r.1"}, nil
		}
		return whole(call, asked)
	})
	tenants, sent := tenantsMachine(t, m, rows(second, first, third))
	got := run(t, tenants, "", `{"run":"r"}`)
	asked(t, m,
		request{Run: "r", Tenant: first}, request{Run: "r", Tenant: first, Resume: "r.1"},
		request{Run: "r", Tenant: second},
		request{Run: "r", Tenant: third}, request{Run: "r", Tenant: third, Resume: "r.1"})
	if got.Status != types.ExecutionStatusFailed || got.Error != "Snapshot.Incomplete" ||
		!strings.HasPrefix(got.Cause, "2 of 3 tenants were published; the others are in the map run arn:aws:states:") {
		t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	want := []alarm{{
		Subject: "Rollcall: not every tenant was published", Error: failure{got.Error, got.Cause}, Run: "r", Execution: got.ARN,
	}}
	if diff := cmp.Diff(want, alarms(t, sent)); diff != "" {
		t.Error(diff)
	}
	own := alarms(t, m.topic)
	if len(own) != 1 || own[0].Error.Error != "Snapshot.Suspect" || own[0].Request.Tenant != second {
		t.Errorf("the tenant's own alarm is %+v", own)
	}
}

func TestTenantsShareOneRunEvenWhenItHasNoName(t *testing.T) {
	m := snapshot(t, whole)
	tenants, _ := tenantsMachine(t, m, rows(first, second))
	run(t, tenants, "all-by-hand", `{}`)
	asked(t, m, request{Run: "all-by-hand", Tenant: first}, request{Run: "all-by-hand", Tenant: second})
}

// RepeatCommand of template.yaml: what has been published gives its recorded result.
func TestStartedAgainByItsRunEveryTenantIsAskedForTheSameRun(t *testing.T) {
	failing := true
	m := snapshot(t, func(call int, asked request) (any, error) {
		if failing && asked.Tenant == second {
			return nil, fault("Graph.AccessDenied", "consent is missing")
		}
		return whole(call, asked)
	})
	tenants, _ := tenantsMachine(t, m, rows(first, second))
	if got := run(t, tenants, "", `{"run":"r"}`); got.Status != types.ExecutionStatusFailed {
		t.Errorf("at first it is %s", got.Status)
	}
	failing = false
	if got := run(t, tenants, "", `{"run":"r"}`); got.Status != types.ExecutionStatusSucceeded {
		t.Errorf("then it is %s with %s: %s", got.Status, got.Error, got.Cause)
	}
	asked(t, m, request{Run: "r", Tenant: first}, request{Run: "r", Tenant: first}, request{Run: "r", Tenant: second}, request{Run: "r", Tenant: second})
}

func TestOneTenantIsPublishedWhereItIsNamed(t *testing.T) {
	m := snapshot(t, func(call int, asked request) (any, error) {
		if asked.Tenant == third {
			return nil, fault("Snapshot.Suspect", "half of it is gone")
		}
		return whole(call, asked)
	})
	tenants, sent := tenantsMachine(t, m, rows(first, second, third))
	got := run(t, tenants, "", `{"tenant":"`+second+`","run":"r"}`)
	var output result
	if err := json.Unmarshal(got.Output, &output); err != nil || output.Status != "complete" || output.Run != "r" {
		t.Errorf("it is %s with %s: %s, %s", got.Status, got.Error, got.Cause, got.Output)
	}
	asked(t, m, request{Run: "r", Tenant: second})
	if got := run(t, tenants, "", `{"tenant":"`+third+`","run":"r"}`); got.Status != types.ExecutionStatusFailed {
		t.Errorf("it is %s with %s", got.Status, got.Output)
	}
	if own, all := alarms(t, m.topic), alarms(t, sent); len(own) != 1 || len(all) != 0 {
		t.Errorf("the tenant's alarms are %+v, those of all %+v", own, all)
	}
}

func TestInputForOneTenantIsRefused(t *testing.T) {
	m := snapshot(t, whole)
	tenants, _ := tenantsMachine(t, m, rows(first, second))
	for _, input := range []string{`{"accept":"r"}`, `{"accept":"r","tenant":"` + first + `"}`, `{"resume":"r.2"}`} {
		if got := run(t, tenants, "", input); got.Status != types.ExecutionStatusFailed || got.Error != "Request.Invalid" {
			t.Errorf("%s: it is %s with %s: %s", input, got.Status, got.Error, got.Cause)
		}
	}
	asked(t, m)
}

func TestCredentialsOfTheTenantsFileAreNotInTheHistory(t *testing.T) {
	m := snapshot(t, whole)
	tenants, _ := tenantsMachine(t, m, rows(first))
	got := run(t, tenants, "", `{"run":"r"}`)
	events, err := server.History(t.Context(), got.ARN)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text)+string(got.Output), reference) {
		t.Error("the execution's history has what the file says of the credentials")
	}
}

func TestATenantsFileThatIsMissingOrEmptyFails(t *testing.T) {
	for name, test := range map[string]struct{ file, alarm, err, cause string }{
		"no file":    {"", "States.", "Snapshot.Incomplete", "go through the tenants file"},
		"no tenants": {"[]", "Config.Invalid", "Config.Invalid", "names no tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			m := snapshot(t, whole)
			tenants, sent := tenantsMachine(t, m, test.file)
			got := run(t, tenants, "", `{"run":"r"}`)
			if got.Status != types.ExecutionStatusFailed || got.Error != test.err || !strings.Contains(got.Cause, test.cause) {
				t.Errorf("it is %s with %s: %s", got.Status, got.Error, got.Cause)
			}
			if sent := alarms(t, sent); len(sent) != 1 || !strings.HasPrefix(sent[0].Error.Error, test.alarm) {
				t.Errorf("it alarmed: %+v", sent)
			}
		})
	}
}

// tenantsMachine makes the tenants machine over a snapshot machine and a tenants
// file, none if that is "", with a topic of its own.
func tenantsMachine(t *testing.T, of *machine, file string) (arn string, sent *stepfunctions.Topic) {
	t.Helper()
	name := resourceName(t) + "-all"
	bucket := tenantsFile(t, name, file)
	sent = topic(t, name)
	return deploy(t, name, "tenants.asl.json", map[string]string{
		"Bucket": bucket, "TenantsKey": "tenants.json", "AtOnce": "2", "SnapshotMachineArn": of.arn, "TopicArn": sent.ARN,
	}), sent
}

// tenantsFile makes a bucket with a tenants file, without one if that is "".
func tenantsFile(t *testing.T, name, file string) (bucket string) {
	t.Helper()
	bucket = strings.ToLower(name)
	err := cloud.CreateBucket(t.Context(), server.Config(), bucket)
	if file != "" {
		_, put := cloud.S3(server.Config()).PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("tenants.json"), Body: strings.NewReader(file),
		})
		err = errors.Join(err, put)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

// reference is what the rows say of the credentials.
const reference = "secretsmanager:contoso"

func rows(tenants ...string) string {
	var all []map[string]string
	for _, tenant := range tenants {
		all = append(all, map[string]string{"tenant": tenant, "credentials": reference})
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// asked checks what the function was asked, tenant by tenant.
func asked(t *testing.T, m *machine, want ...request) {
	t.Helper()
	got := m.requests()
	slices.SortStableFunc(got, func(a, b request) int { return strings.Compare(a.Tenant, b.Tenant) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
