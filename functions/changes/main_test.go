package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// eventBus is an EventBridge that keeps the events it takes.
type eventBus struct {
	events []string
	down   bool
	// before, if set, is called once, when events come.
	before func()
}

func (b *eventBus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if before := b.before; before != nil {
		b.before = nil
		before()
	}
	var request struct {
		Entries []struct{ Detail string }
	}
	body, err := io.ReadAll(r.Body)
	if b.down || err != nil || json.Unmarshal(body, &request) != nil {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer := map[string]any{"FailedEntryCount": 0}
	var entries []any
	for i, e := range request.Entries {
		b.events = append(b.events, e.Detail)
		entries = append(entries, map[string]any{"EventId": fmt.Sprint(i)})
	}
	answer["Entries"] = entries
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer)
}

// ids are those of the events, each once.
func (b *eventBus) ids(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range b.events {
		var event struct{ ID string }
		if err := json.Unmarshal([]byte(e), &event); err != nil {
			t.Fatal(err)
		}
		ids[event.ID] = true
	}
	return ids
}

// deployment is the function, its tenant, its bus and its state.
type deployment struct {
	tenant *simulator.Tenant
	server *simulator.Server
	bus    *eventBus
	state  string
	log    bytes.Buffer
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{tenant: simulator.New(simulator.Config{Users: 300}), bus: &eventBus{}, state: t.TempDir()}
	var err error
	if d.server, err = d.tenant.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.server.Close() })
	server := httptest.NewServer(d.bus)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": server.URL, "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		t.Setenv(name, value)
	}
	return d
}

// function is the function as it starts with these variables.
func (d *deployment) function(t *testing.T, more ...string) *lambda.Queue[changes.Input, changes.Result] {
	t.Helper()
	c := d.tenant.Config()
	var settings publisher.Settings
	cfg, err := config.Read(append([]string{
		"ROLLCALL_LOGIN_URL=" + d.server.URL, "ROLLCALL_GRAPH_URL=" + d.server.URL,
		"AZURE_TENANT_ID=" + c.Tenant, "AZURE_CLIENT_ID=" + c.ClientID, "AZURE_CLIENT_SECRET=" + c.ClientSecret,
		"ROLLCALL_SINKS=eventbridge://directory", "ROLLCALL_STATE=file://" + d.state,
	}, more...), &settings)
	if err != nil {
		t.Fatal(err)
	}
	log := telemetry.New(&d.log, telemetry.Options{})
	p, err := publisher.New(cfg, settings, log, reader.WithTransport(d.server.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	return function(p, log)
}

// run invokes the function as a schedule does.
func run(t *testing.T, f lambda.Function) *changes.Result {
	t.Helper()
	out, err := f.Invoke(t.Context(), json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return out.(*changes.Result)
}

// notify invokes the function with messages, each in a group of its own, and returns which
// of them stay in the queue.
func notify(t *testing.T, f lambda.Function, bodies ...string) (stay []string) {
	t.Helper()
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId: fmt.Sprintf("m-%d", i), Body: body, EventSource: "aws:sqs", Attributes: map[string]string{"MessageGroupId": fmt.Sprint(i)},
		})
	}
	event, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range out.(events.SQSEventResponse).BatchItemFailures {
		stay = append(stay, each.ItemIdentifier)
	}
	return stay
}

func (d *deployment) message() string { return `{"tenant":"` + d.tenant.Config().Tenant + `"}` }

// pointer is the file of the pointer.
func (d *deployment) pointer() string {
	return filepath.Join(d.state, "tenant="+d.tenant.Config().Tenant, "changes", "pointer.json")
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestABusThatIsDownGetsEverythingOnceTheMessageComesAgain(t *testing.T) {
	d := deploy(t)
	f := d.function(t)
	run(t, f)
	must(t, d.tenant.Delete(3), d.tenant.SetDepartment(4, "Legal"))
	d.bus.down = true
	for range 2 {
		if stay := notify(t, f, d.message()); len(stay) != 1 || !strings.Contains(d.log.String(), "Sink.Failed") && !strings.Contains(d.log.String(), "the next run sends them first") {
			t.Fatalf("%q stay, log %s", stay, &d.log)
		}
	}
	must(t, d.tenant.Delete(5))
	d.bus.down = false
	if stay := notify(t, f, d.message()); len(stay) != 0 || len(d.bus.events) != 3 {
		t.Errorf("%q stay, events %q", stay, d.bus.events)
	}
	if r := run(t, f); r.Total() != 0 || len(d.bus.events) != 3 {
		t.Errorf("%+v", r)
	}
}

func TestAMessageForAnotherTenantTouchesNothing(t *testing.T) {
	d := deploy(t)
	f := d.function(t)
	run(t, f)
	before, err := os.ReadFile(d.pointer())
	must(t, err, d.tenant.Delete(3))
	d.tenant.ForgetRequests()
	if stay := notify(t, f, `{"tenant":"99999999-2222-4333-8444-555555555555"}`); len(stay) != 1 {
		t.Errorf("%q stay", stay)
	}
	after, err := os.ReadFile(d.pointer())
	must(t, err)
	if !bytes.Equal(before, after) || len(d.bus.events) > 0 || len(d.tenant.Requests()) > 0 || !strings.Contains(d.log.String(), "Request.Invalid") {
		t.Errorf("events %q, %d requests, log %s", d.bus.events, len(d.tenant.Requests()), &d.log)
	}
}

func TestAPoisonousMessageKeepsNoOtherFromItsRun(t *testing.T) {
	d := deploy(t)
	f := d.function(t)
	run(t, f)
	must(t, d.tenant.Delete(3))
	stay := notify(t, f, `{"tenant":`, d.message(), `{"tenants":"canary"}`, d.message(), `{"accept":"nobody"}`)
	if strings.Join(stay, " ") != "m-0 m-2 m-4" || len(d.bus.events) != 1 || strings.Contains(d.log.String(), "canary") {
		t.Errorf("%q stay, events %q, log %s", stay, d.bus.events, &d.log)
	}
}

func TestWhatIsAskedForTwiceIsPublishedOnce(t *testing.T) {
	d := deploy(t)
	f := d.function(t)
	run(t, f)
	must(t, d.tenant.Delete(3))
	d.tenant.ForgetRequests()
	stay := notify(t, f, d.message(), d.message(), d.message())
	first := len(d.tenant.Requests())
	d.tenant.ForgetRequests()
	stay = append(stay, notify(t, f, d.message())...) // delivered once more
	if second := len(d.tenant.Requests()); len(stay) > 0 || len(d.bus.events) != 1 || second != 1 || first > 2 {
		t.Errorf("%q stay, events %q, %d requests and then %d", stay, d.bus.events, first, second)
	}
}

func TestOfTwoRunsAtOnceTheLoserKeepsItsMessage(t *testing.T) {
	d := deploy(t)
	f := d.function(t)
	run(t, f)
	must(t, d.tenant.Delete(3))
	d.bus.before = func() { // another run publishes the same while this one does
		if r := run(t, f); r.Deleted != 1 {
			t.Errorf("the other run: %+v", r)
		}
	}
	if stay := notify(t, f, d.message()); len(stay) != 1 {
		t.Errorf("%q stay", stay)
	}
	if strings.Contains(d.log.String(), `"level":"ERROR"`) || !regexp.MustCompile(`"level":"WARN","message":"the job failed".*another run works on the changes`).MatchString(d.log.String()) {
		t.Errorf("%s", &d.log)
	}
	if stay := notify(t, f, d.message()); len(stay) != 0 || len(d.bus.ids(t)) != 1 {
		t.Errorf("%q stay, events %q", stay, d.bus.events)
	}
}

func TestAnOlderFunctionLeavesNewerStateAsItIs(t *testing.T) {
	d := deploy(t)
	f := d.function(t)
	run(t, f)
	body, err := os.ReadFile(d.pointer())
	must(t, err, d.tenant.Delete(3))
	newer := regexp.MustCompile(`"version":\d+`).ReplaceAll(body, []byte(`"version":999`))
	must(t, os.WriteFile(d.pointer(), newer, 0o600)) //nolint:gosec // the path is below a temporary folder
	if stay := notify(t, f, d.message()); len(stay) != 1 || len(d.bus.events) > 0 || !strings.Contains(d.log.String(), "a newer version of rollcall") {
		t.Errorf("%q stay, events %q, log %s", stay, d.bus.events, &d.log)
	}
	_, err = f.Invoke(t.Context(), json.RawMessage(`{}`))
	if err == nil || !strings.Contains(err.Error(), "State.Invalid") && failure.Of(err).Name != "State.Invalid" {
		t.Errorf("%#v", err)
	}
	if after, _ := os.ReadFile(d.pointer()); !bytes.Equal(after, newer) {
		t.Error("the newer state was overwritten")
	}
}

func TestAFunctionWithOtherColumnsLosesNoChange(t *testing.T) {
	d := deploy(t)
	run(t, d.function(t, "ROLLCALL_SELECT=id,displayName"))
	must(t, d.tenant.Delete(3), d.tenant.SetDepartment(4, "Legal"))
	f := d.function(t, "ROLLCALL_SELECT=id,displayName,department")
	if r := run(t, f); r.Kind != changes.Reselect || r.Deleted != 1 || r.Total() != 1 || len(d.bus.events) != 1 {
		t.Errorf("%+v, events %q", r, d.bus.events)
	}
	must(t, d.tenant.SetDepartment(4, "IT"))
	if stay := notify(t, f, d.message()); len(stay) != 0 || !strings.Contains(d.bus.events[1], `"before":{"department":"Legal"}`) {
		t.Errorf("%q stay, events %q", stay, d.bus.events)
	}
	f = d.function(t, "ROLLCALL_SELECT=id,department")
	must(t, d.tenant.SetDepartment(4, "Ops"))
	if r := run(t, f); r.Kind != changes.Round || r.Updated != 1 || strings.Contains(d.bus.events[2], "displayName") {
		t.Errorf("%+v, events %q", r, d.bus.events)
	}
}

func TestAFilterIsRefusedByItsName(t *testing.T) {
	d := deploy(t)
	f := d.function(t, "ROLLCALL_FILTER=accountEnabled eq true")
	_, err := f.Invoke(t.Context(), json.RawMessage(`{}`))
	if err == nil || !strings.Contains(fmt.Sprintf("%#v", err), "Config.Invalid") || !strings.Contains(err.Error(), "ROLLCALL_FILTER") {
		t.Errorf("%#v", err)
	}
	if stay := notify(t, f, d.message()); len(stay) != 1 || len(d.bus.events) > 0 {
		t.Errorf("%q stay, events %q", stay, d.bus.events)
	}
	if left, _ := filepath.Glob(filepath.Join(d.state, "*")); len(left) > 0 {
		t.Errorf("there is state: %q", left)
	}
}
