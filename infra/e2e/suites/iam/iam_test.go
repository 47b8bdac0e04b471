package iam_test

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/iam"
)

// The keys of one's own.
const (
	secretsKey = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-4333-8444-555555555555"
	tenantsKey = "arn:aws:kms:eu-west-1:123456789012:key/33333333-2222-4333-8444-555555555555"
)

// unused are permissions that no job here makes use of, each with who does.
var unused = []struct{ role, grant, why string }{
	{"*", "logs:* <*Logs.Arn>", "Lambda writes what a function prints"},
	{"*", "logs:* *", "Step Functions sets up the log of a machine"},
	{"*", "ec2:* *", "Lambda reaches the VPC"},
	{"ChangesRole", "sqs:* <ChangesQueue.Arn>", "Lambda reads the queue for the function"},
	{"SnapshotRole", "s3:AbortMultipartUpload *", "for an upload beyond 8 MiB that failed"},
	{"TenantsMachineRole", "events:* *", "how Step Functions learns that an execution has ended"},
	{"TenantsMachineRole", "states:StopExecution *", "Step Functions stops what it has started when the execution is stopped"},
	{"ChangesMachineRole", "states:StopExecution *", "Step Functions stops what it has started when the execution is stopped"},
	{"TenantsMachineRole", "states:* *tenants:*", "moto runs the items of a map without executions of their own"},
	{"TenantsMachineRole", "states:StartExecution <TenantsMachine>", "moto runs the items of a map without executions of their own"},
	{"ChangesMachineRole", "states:* *", "moto runs the items of a map without executions of their own"},
	{"TenantsMachineRole", "s3:* <Bucket.Arn>/map/*", "moto writes results in one request"},
}

// harmless are permissions without which a job does what it is for all the same: it says in
// its log that something is left behind.
var harmless = map[string]string{
	"SnapshotRole s3:DeleteObject <Bucket.Arn>/directory/runs/*":                  "objects that nothing names",
	"SnapshotRole s3:DeleteObject <Bucket.Arn>/directory/state/*":                 "ids that nothing names",
	"ChangesRole secretsmanager:GetSecretValue <WebhookSecret>":                   "a subscription of Graph, without which the schedule finds what changes",
	"ChangesRole s3:DeleteObject <Bucket.Arn>/directory/state/tenant=*/changes/*": "shards that nothing names",
}

// job is something that a role is for.
type job func(*testing.T) error

func TestEveryRoleMayDoWhatItsJobTakesAndNothingElse(t *testing.T) {
	build(t)
	p := &proof{shown: map[string]bool{}, idle: map[int]bool{}}
	t.Cleanup(func() { p.check(t) })
	t.Run("one tenant", func(t *testing.T) {
		t.Parallel()
		a := deploy(t, map[string]string{
			"SecretKmsKeyArn": secretsKey, "Changes": "yes", "EventsQueue": "yes", "Webhook": "yes", "Rotate": "yes", "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1",
		}, directory(t), "")
		p.prove(t, a, a.jobs())
	})
	t.Run("many tenants", func(t *testing.T) {
		t.Parallel()
		a := deploy(t, map[string]string{
			"TenantsKey": "tenants.json", "TenantsWriterArn": "arn:aws:iam::123456789012:role/admin", "TenantSecretsKmsKeyArn": tenantsKey, "Changes": "yes", "Webhook": "yes",
		}, directory(t), "")
		a.tenantsFile(t, tenantsKey)
		p.prove(t, a, a.jobs())
	})
	t.Run("a key that signs", func(t *testing.T) {
		t.Parallel()
		of := directory(t)
		key, certificate, made, err := of.CertifyKMS(t.Context(), harness.Plain(t, "functions/rollcall"), []string{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=e2e", "AWS_SECRET_ACCESS_KEY=e2e"})
		if err != nil {
			t.Fatal(err)
		}
		of.AddCertificate(made)
		identity, err := json.Marshal(map[string]string{"TenantID": of.TenantID, "ClientID": of.ClientID, "KMSKeyID": key, "Certificate": certificate})
		if err != nil {
			t.Fatal(err)
		}
		a := deploy(t, map[string]string{"SigningKeyArn": key, "Changes": "yes"}, of, string(identity))
		p.prove(t, a, a.jobs())
	})
	t.Run("federation", func(t *testing.T) {
		t.Parallel()
		of := directory(t)
		of.AddFederatedCredential(of.WebIdentity("api://AzureADTokenExchange"))
		a := deploy(t, map[string]string{"FederatedApp": of.TenantID + "/" + of.ClientID, "Changes": "yes"}, of, "")
		p.prove(t, a, a.jobs())
	})
}

// jobs are those of the stack, by the role.
func (a *account) jobs() map[string]job {
	return map[string]job{
		"UsersRole": a.users, "SnapshotRole": a.snapshot, "ChangesRole": a.changes, "WebhookRole": a.webhook, "RotateRole": a.rotate,
		"SnapshotMachineRole": a.snapshotMachine, "TenantsMachineRole": a.tenantsMachine, "ChangesMachineRole": a.changesMachine,
		"SchedulerRole": a.schedule("SnapshotSchedule"), "ChangesTimerRole": a.schedule("ChangesTimer"),
	}
}

// proof is what has been shown of the parts of the roles' policies.
type proof struct {
	mu sync.Mutex
	// shown are those without which the job was tried, idle the places in unused that were
	// some part's excuse.
	shown map[string]bool
	idle  map[int]bool
}

// take reports whether a part is still to be shown.
func (p *proof) take(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.shown[key]
	p.shown[key] = true
	return !taken
}

// mayLieIdle reports whether there is a reason why no job makes use of a part.
func (p *proof) mayLieIdle(role, grant string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, u := range unused {
		if iam.Matches(u.role, role) && iam.Matches(u.grant, grant) {
			p.idle[i] = true
			return true
		}
	}
	return false
}

// check looks for what the lists above have too much.
func (p *proof) check(t *testing.T) {
	for i, u := range unused {
		if !p.idle[i] {
			t.Errorf("%s %s is not there, or in use", u.role, u.grant)
		}
	}
	for key := range harmless {
		if !p.shown[key] {
			t.Errorf("%s is not there, or not in use", key)
		}
	}
}

// prove does the jobs of all roles: with what the template allows each succeeds, without any
// part of it one fails, and no part is left over.
func (p *proof) prove(t *testing.T, a *account, jobs map[string]job) {
	t.Helper()
	a.functions(nil)
	for _, name := range slices.Sorted(maps.Keys(a.roles)) {
		role, do := a.roles[name], jobs[name]
		if refused, err := a.without(t, role, "", func() error { return do(t) }); err != nil || len(refused) > 0 {
			t.Errorf("%s lacks %+v: %v", name, refused, err)
			continue
		}
		used := a.gate.Used(role)
		for _, grant := range role.Grants() {
			if !slices.Contains(used, grant) && !p.mayLieIdle(name, grant) {
				t.Errorf("%s may %s, which nothing needs", name, grant)
			}
		}
		for _, grant := range used {
			key := name + " " + grant
			if !p.take(key) {
				continue
			}
			refused, err := a.without(t, role, grant, func() error { return do(t) })
			switch {
			case len(refused) == 0:
				t.Errorf("%s without %s is refused nothing", name, grant)
			case (err == nil) != (harmless[key] != ""):
				t.Errorf("%s without %s: %v", name, grant, err)
			}
		}
	}
	for _, problem := range a.gate.Problems() {
		t.Error(problem)
	}
}
