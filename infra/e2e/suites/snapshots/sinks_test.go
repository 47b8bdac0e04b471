package snapshots_test

import (
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/hook"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

// event is a CloudEvent as far as these tests check it.
type event struct {
	ID, Source, Type, Subject string
	Data                      struct {
		Run, Manifest string
		Users         int
		User          struct{ ID string }
	}
}

// drain takes every event out of a queue, each body through open.
func drain(t *testing.T, queue *cloud.Queue, open func([]byte) []byte) []event {
	t.Helper()
	bodies, err := queue.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, bodies, open)
}

// decoded reads events, each body through open.
func decoded(t *testing.T, bodies [][]byte, open func([]byte) []byte) []event {
	t.Helper()
	all := make([]event, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal(open(body), &all[i]); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	}
	return all
}

const hookKey = "d2ViaG9vay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM="

// TestOneRunReachesEveryKindOfSink publishes to S3, Blob Storage and a folder at
// once, and announces it to SQS, EventBridge and a webhook.
func TestOneRunReachesEveryKindOfSink(t *testing.T) {
	const users = 1500
	aws := harness.Start(t, moto.Start)
	blobs := harness.Start(t, azurite.Start)
	each, err := cloud.CreateQueue(t.Context(), aws.Config(), "each")
	if err != nil {
		t.Fatal(err)
	}
	events, err := cloud.CreateQueue(t.Context(), aws.Config(), "events")
	if err != nil {
		t.Fatal(err)
	}
	if err := blobs.CreateContainer(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	route(t, aws, events.ARN)
	target := harness.Start(t, hook.Key(hookKey).Start)
	folder := t.TempDir()
	d := deploy(t, "sinks", simulator.Config{Users: users},
		"AWS_ENDPOINT_URL="+aws.URL,
		"AZURE_STORAGE_CONNECTION_STRING="+blobs.ConnectionString(),
		`ROLLCALL_WEBHOOK_SECRET={"SinkKey":"whsec_`+hookKey+`"}`,
		"ROLLCALL_SINKS=s3://sinks/"+prefix+" azblob://"+azurite.Account+"/people/"+prefix+"?compression=zstd file://"+folder+"?format=parquet"+
			" sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/each?users=each eventbridge://default "+target.URL+"/hook?token=x#private=allow")
	if err := d.tenant.Trust(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw})); err != nil {
		t.Fatal(err)
	}
	d.timeout = 5 * time.Minute // moto is slow
	d.start()
	result, _ := d.complete(snapshot.Input{Run: "r"})
	d.wantEverywhere("r", present(d.tenant, users, nil))

	tenant := d.tenant.TenantID
	at, err := azblob.New(azblob.Config{Account: azurite.Account, Key: azurite.Key, Endpoint: blobs.URL, Container: "people", Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(key string) ([]byte, error){
		"blob":   func(key string) ([]byte, error) { body, _, err := at.Read(t.Context(), key); return body, err },
		"folder": func(key string) ([]byte, error) { return os.ReadFile(filepath.Join(folder, key)) },
	} {
		body, err := read("runs/tenant=" + tenant + "/run=r/manifest.json")
		var m snapshot.Manifest
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err != nil || m.Users != users || len(m.Objects) == 0 || m.Status != snapshot.Complete {
			t.Errorf("%s: %v, %+v", name, err, m)
		}
		if _, err := read("latest/tenant=" + tenant + ".json"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	completed := func(where string, got []event) {
		t.Helper()
		if len(got) != 1 || got[0].Type != snapshot.EventCompleted || got[0].Source != "urn:rollcall:tenant:"+tenant ||
			got[0].Data.Users != users || got[0].Data.Manifest != result.Manifest || got[0].ID == "" {
			t.Errorf("%s got %+v", where, got)
		}
	}
	plain := func(body []byte) []byte { return body }
	listed := map[string]bool{}
	var others []event
	for _, e := range drain(t, each, plain) {
		if e.Type != snapshot.EventListed {
			others = append(others, e)
			continue
		}
		if e.Subject != e.Data.User.ID || e.Data.Run != "r" {
			t.Fatalf("an event is %+v", e)
		}
		listed[e.Subject] = true
	}
	completed("SQS", others)
	if len(listed) != users {
		t.Errorf("%d users were listed on SQS, want %d", len(listed), users)
	}
	completed("EventBridge", drain(t, events, func(body []byte) []byte {
		var envelope struct{ Detail json.RawMessage }
		_ = json.Unmarshal(body, &envelope)
		return envelope.Detail
	}))
	bodies, err := target.Received()
	if err != nil {
		t.Error(err)
	}
	completed("the webhook", decoded(t, bodies, plain))
}

// route sends everything of the default event bus to a queue.
func route(t *testing.T, server *moto.Server, queue string) {
	t.Helper()
	client := eventbridge.NewFromConfig(server.Config())
	_, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("all"), EventPattern: aws.String(`{"detail-type":[{"prefix":"rollcall."}]}`)})
	if err == nil {
		_, err = client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
			Rule: aws.String("all"), Targets: []eventtypes.Target{{Id: aws.String("queue"), Arn: &queue}},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}
