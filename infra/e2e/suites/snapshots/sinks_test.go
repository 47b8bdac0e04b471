package snapshots

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

// message is a CloudEvent as far as these tests look at it.
type message struct {
	ID, Source, Type, Subject string
	Data                      struct {
		Run, Manifest string
		Users         int
		User          struct{ ID string }
	}
}

// queues are SQS queues of one moto.
type queues struct {
	*testing.T
	client *sqs.Client
}

func (q *queues) create(name string) (url, arn string) {
	q.Helper()
	made, err := q.client.CreateQueue(q.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		q.Fatal(err)
	}
	return *made.QueueUrl, "arn:aws:sqs:eu-west-1:123456789012:" + name
}

// drain takes everything that is in the queue, each body through open.
func (q *queues) drain(url string, open func(string) string) []message {
	q.Helper()
	var all []message
	for {
		got, err := q.client.ReceiveMessage(q.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			q.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return all
		}
		for _, m := range got.Messages {
			var e message
			if err := json.Unmarshal([]byte(open(*m.Body)), &e); err != nil {
				q.Fatalf("%v: %s", err, *m.Body)
			}
			all = append(all, e)
			if _, err := q.client.DeleteMessage(q.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				q.Fatal(err)
			}
		}
	}
}

// hook is a webhook that checks signatures.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	got  []message
	fail string
}

const hookKey = "d2ViaG9vay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM="

func startHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		key, _ := base64.StdEncoding.DecodeString(hookKey)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "."))
		mac.Write(body)
		var e message
		switch {
		case err != nil:
			h.fail = err.Error()
		case !strings.Contains(r.Header.Get("webhook-signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))):
			h.fail = "the signature is wrong"
		case json.Unmarshal(body, &e) != nil:
			h.fail = "it is no CloudEvent: " + string(body)
		}
		h.got = append(h.got, e)
	}))
	t.Cleanup(h.Close)
	return h
}

// TestOneRunReachesEveryKindOfSink publishes to S3, Blob Storage and a folder at
// once, and tells SQS, EventBridge and a webhook.
func TestOneRunReachesEveryKindOfSink(t *testing.T) {
	const users = 1500
	cloud, err := moto.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	blobs, err := azurite.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(blobs.Close)
	if err := blobs.CreateContainer(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	q := &queues{T: t, client: sqs.NewFromConfig(cloud.Config())}
	each, _ := q.create("each")
	events, eventsARN := q.create("events")
	route(t, cloud, eventsARN)
	target := startHook(t)
	folder := t.TempDir()
	w := newWorld(t, "sinks", simulator.Config{Users: users},
		"AWS_ENDPOINT_URL="+cloud.URL,
		"AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=http;AccountName="+azurite.Account+";AccountKey="+azurite.Key+";BlobEndpoint="+blobs.URL+";",
		`ROLLCALL_WEBHOOK_SECRET={"SinkKey":"whsec_`+hookKey+`"}`,
		"ROLLCALL_SINKS=s3://sinks/"+prefix+" azblob://"+azurite.Account+"/people/"+prefix+"?compression=zstd file://"+folder+"?format=parquet"+
			" sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/each?users=each eventbridge://default "+target.URL+"/hook?token=x#private=allow")
	w.trust(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw}))
	w.start()
	result, _ := w.complete(snapshot.Input{Run: "r"})
	w.wantEverywhere("r", present(w.tenant, users, nil))

	tenant := w.tenant.Config().Tenant
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
	completed := func(where string, got []message) {
		t.Helper()
		if len(got) != 1 || got[0].Type != snapshot.EventCompleted || got[0].Source != "urn:rollcall:tenant:"+tenant ||
			got[0].Data.Users != users || got[0].Data.Manifest != result.Manifest || got[0].ID == "" {
			t.Errorf("%s got %+v", where, got)
		}
	}
	plain := func(body string) string { return body }
	listed := map[string]bool{}
	var others []message
	for _, e := range q.drain(each, plain) {
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
	completed("EventBridge", q.drain(events, func(body string) string {
		var envelope struct{ Detail json.RawMessage }
		_ = json.Unmarshal([]byte(body), &envelope)
		return string(envelope.Detail)
	}))
	target.mu.Lock()
	defer target.mu.Unlock()
	completed("the webhook", target.got)
	if target.fail != "" {
		t.Error(target.fail)
	}
}

// route sends everything of the default event bus to a queue.
func route(t *testing.T, cloud *moto.Server, queue string) {
	t.Helper()
	client := eventbridge.NewFromConfig(cloud.Config())
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
