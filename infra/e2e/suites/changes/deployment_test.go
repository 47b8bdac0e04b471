package changes_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/eventsource"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	clientState = "cl1ent-state-that-no-log.may.contain"
	hookKey     = "d2ViaG9vay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM="
	secret      = `ROLLCALL_WEBHOOK_SECRET={"ClientState":"` + clientState + `","HookKey":"whsec_` + hookKey + `"}`
)

// deployment is a tenant, and all that is between it and the consumers of its changes:
//
//	tenant -> front (HTTP API) -> webhook -> queue -> changes -> event bus -> rule -> events -> consumers
//
// The queue of most tests has no delay. What the delay does, the test does: it lets the queue
// lead its messages to the function once the notifications of what happened are in it.
type deployment struct {
	*testing.T
	tenant  *tenant.Tenant
	front   *gateway.Server
	client  *http.Client // of the front
	webhook *lambdahost.Host
	queue   *cloud.Queue      // from webhook to changes
	events  *cloud.Queue      // behind the event bus
	state   *faultproxy.Proxy // between changes and S3
	bus     *faultproxy.Proxy // between changes and EventBridge
	name    string
	delay   string   // of the queue, in seconds
	env     []string // of changes
	timeout time.Duration
	folder  string   // has the consumers' databases
	lines   []string // that they were given

	host *lambdahost.Host // runs changes
	log  strings.Builder  // of processes that have ended
}

// columns are those that events have, and the truth.
const columns = "id,userPrincipalName,displayName,mail,department,accountEnabled"

// deploy starts all of it, and has everybody published.
func deploy(t *testing.T, name string) *deployment {
	t.Helper()
	return deployDelayed(t, name, "0")
}

// deployDelayed is deploy with a queue that has a delay, in seconds.
func deployDelayed(t *testing.T, name, delay string) *deployment {
	t.Helper()
	d := &deployment{T: t, name: name, delay: delay, folder: t.TempDir(), timeout: 30 * time.Second}
	d.makeQueue()
	d.makeBus()
	d.front = gateway.Start(gateway.HTTPAPI(), d.webhook)
	t.Cleanup(d.front.Close)
	d.client = d.front.Client()
	endpoints, err := simulator.EndpointTransport(d.front.CertPEM, false)
	if err != nil {
		t.Fatal(err)
	}
	d.tenant = harness.Start(t, tenant.New(simulator.Config{Users: 60, Endpoints: endpoints}).Start)
	d.state = harness.Start(t, faultproxy.Config{Target: shared.s3.URL}.Start)
	d.bus = harness.Start(t, faultproxy.Config{Target: shared.aws.URL}.Start)
	if err := cloud.CreateBucket(t.Context(), shared.s3.Config(), name); err != nil {
		t.Fatal(err)
	}
	d.env = slices.Concat(d.tenant.Environ(), versity.Environ(d.state.URL), []string{
		"AWS_ENDPOINT_URL_EVENTBRIDGE=" + d.bus.URL, "ROLLCALL_SINKS=eventbridge://" + name, "ROLLCALL_STATE=s3://" + name + "/rollcall",
		"ROLLCALL_SELECT=" + columns, "ROLLCALL_NOTIFICATION_URL=" + d.front.URL + "/notifications", secret,
	})
	d.start()
	t.Cleanup(func() { d.host.Close() })
	d.schedule(`{"baseline":"emit"}`)
	if got := d.consume(); got["created"] != 60 {
		t.Fatalf("the first run published %v", got)
	}
	d.wantSame()
	return d
}

// makeQueue makes the queue, and a process of webhook that fills it.
func (d *deployment) makeQueue() {
	d.Helper()
	var err error
	if d.queue, err = cloud.CreateQueueWith(d.Context(), shared.aws.Config(), d.name+".fifo", map[string]string{"DelaySeconds": d.delay}); err != nil {
		d.Fatal(err)
	}
	d.webhook = harness.Start(d, lambdahost.Config{Bootstrap: shared.webhook, Env: append(shared.aws.Environ(), "ROLLCALL_QUEUE="+d.queue.URL, secret)}.Start)
}

// halfAMinuteLater is when notifications make a new message. Until then the webhook, if it
// is the same process, and the queue know that there has been one.
func (d *deployment) halfAMinuteLater() {
	d.Helper()
	if err := d.queue.Remove(d.Context()); err != nil {
		d.Fatal(err)
	}
	d.webhook.Close()
	d.log.WriteString(d.webhook.Output())
	d.makeQueue()
	d.front.Use(d.webhook)
}

// makeBus makes the event bus, and a rule that leads all events of users to a queue.
func (d *deployment) makeBus() {
	d.Helper()
	var err error
	if d.events, err = cloud.CreateQueue(d.Context(), shared.aws.Config(), d.name+"-events"); err != nil {
		d.Fatal(err)
	}
	client := eventbridge.NewFromConfig(shared.aws.Config())
	_, err = client.CreateEventBus(d.Context(), &eventbridge.CreateEventBusInput{Name: &d.name})
	if err == nil {
		_, err = client.PutRule(d.Context(), &eventbridge.PutRuleInput{
			Name: &d.name, EventBusName: &d.name, EventPattern: aws.String(`{"detail-type":[{"prefix":"rollcall.user."}]}`),
		})
	}
	if err == nil {
		_, err = client.PutTargets(d.Context(), &eventbridge.PutTargetsInput{
			Rule: &d.name, EventBusName: &d.name, Targets: []eventtypes.Target{{Id: aws.String("queue"), Arn: &d.events.ARN}},
		})
	}
	if err != nil {
		d.Fatal(err)
	}
}

// start starts a process of changes, as Lambda does after one has ended.
func (d *deployment) start() {
	d.Helper()
	if d.host != nil {
		d.host.Close()
		d.log.WriteString(d.host.Output())
	}
	host, err := lambdahost.Config{Bootstrap: shared.changes, Timeout: d.timeout, Env: d.env}.Start(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	d.host = host
}

// killer returns what kills this process of changes, and no later one, as the kernel does.
func (d *deployment) killer() func() {
	d.Helper()
	process, err := os.FindProcess(d.host.PID())
	if err != nil {
		d.Fatal(err)
	}
	return func() { _ = process.Kill() }
}

// logs are what the functions have written.
func (d *deployment) logs() string {
	return d.log.String() + d.host.Output() + d.webhook.Output()
}

// invoke invokes changes, in a new process if the last one has ended.
func (d *deployment) invoke(ctx context.Context, payload []byte) (lambdahost.Result, error) {
	result, err := d.host.Invoke(ctx, payload)
	if errors.Is(err, lambdahost.ErrGone) {
		d.start()
		result, err = d.host.Invoke(ctx, payload)
	}
	return result, err
}

// schedule starts a run without the queue, and returns its result.
func (d *deployment) schedule(input string) map[string]any {
	d.Helper()
	answer, err := d.invoke(d.Context(), []byte(input))
	var result map[string]any
	if err == nil && answer.ErrorType == "" {
		err = json.Unmarshal(answer.Payload, &result)
	}
	if err != nil || answer.ErrorType != "" || result["status"] != "complete" {
		d.Fatalf("%s: %v, %s\n%s", input, err, answer.Payload, d.logs())
	}
	return result
}

// next lets the queue lead some messages to the function.
func (d *deployment) next() eventsource.Batch {
	d.Helper()
	batch, err := eventsource.Mapping{Queue: d.queue, Invoke: d.invoke}.Next(d.Context())
	if err != nil {
		d.Fatalf("%v\n%s", err, d.logs())
	}
	return batch
}

// settle lets the queue lead its messages to the function until none is left but stay, and
// returns how many invocations had been necessary.
func (d *deployment) settle(stay int) (invocations int) {
	d.Helper()
	d.until("the queue is empty", func() bool {
		if batch := d.next(); batch.Deleted+batch.Kept > 0 {
			invocations++
		}
		n, err := d.queue.Len(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		return n <= stay
	})
	return invocations
}

// until waits for something that must come true.
func (d *deployment) until(what string, done func() bool) {
	d.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !done() {
		select {
		case <-limit.C:
			d.Fatalf("it is not so that %s\n%s", what, d.logs())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// happen does something in the tenant of which there are so many notifications, and waits
// for the webhook to have them.
func (d *deployment) happen(notifications int, do func() error) {
	d.Helper()
	want := d.tenant.Notices().Delivered + notifications
	if err := do(); err != nil {
		d.Fatal(err)
	}
	d.until("the webhook has been notified", func() bool { return d.tenant.Notices().Delivered >= want })
}
