package azure_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/hook"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// post posts JSON to the webhook, which asks for no key.
func (d *deployment) post(path string, body []byte, header http.Header) response {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.front.URL+"/api/webhook"+path, bytes.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	r, err := d.client.Do(request)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	return response{r.StatusCode, r.Header, string(text), err}
}

// closed starts an instance on which nothing takes messages out of the queues.
func (d *deployment) closed() {
	d.Helper()
	for _, function := range []string{"snapshot_run", "changes_run"} {
		d.config.Env = append(d.config.Env, "AzureWebJobs."+function+".Disabled=true")
	}
	d.start()
}

// messages are those of a queue of the app, as they were before they were encoded.
func (d *deployment) messages(queue string) (all []string) {
	d.Helper()
	peeked, err := d.queues.Peek(d.Context(), queue)
	if err != nil {
		d.Fatal(err)
	}
	for _, m := range peeked {
		text, err := base64.StdEncoding.DecodeString(m.Text)
		if err != nil {
			d.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

func TestTheWebhookPutsMessagesIntoTheQueue(t *testing.T) {
	t.Parallel()
	d := prepare(t, simulator.Config{Users: 10})
	d.closed()
	const token = `Validation: Testing client application reachability for subscription Request-Id: <b>&"+ ü`
	r := d.post("/notifications?validationToken="+url.QueryEscape(token), nil, nil)
	if kind := r.header.Get("Content-Type"); r.status != http.StatusOK || r.body != token || !strings.HasPrefix(kind, "text/plain") {
		t.Errorf("the handshake is answered with %d %q %q", r.status, kind, r.body)
	}
	if r := d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, "cl1ent-state-of-somebody-else"), nil); r.status != http.StatusUnauthorized {
		t.Errorf("a forged notification: %d %s", r.status, r.body)
	}
	if r := d.post("/notifications", []byte("{"), nil); r.status != http.StatusBadRequest {
		t.Errorf("no JSON: %d %s", r.status, r.body)
	}
	if r := d.ask(http.MethodGet, "/webhook/notifications", nil); r.status != http.StatusNotFound {
		t.Errorf("GET: %d %s", r.status, r.body)
	}
	if got := d.messages(changesQueue); len(got) != 0 {
		t.Errorf("the messages are %q", got)
	}
	if r := d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, clientState), nil); r.status != http.StatusAccepted {
		t.Errorf("a notification: %d %s", r.status, r.body)
	}
	if got, want := d.messages(changesQueue), `{"tenant":"`+d.tenant.TenantID+`"}`; len(got) != 1 || got[0] != want {
		t.Errorf("the messages are %q, want %s", got, want)
	}
}

// TestANotificationThatTheQueueDoesNotTakeIsRefused, so that Graph sends it again.
func TestANotificationThatTheQueueDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	d := prepare(t, simulator.Config{Users: 10})
	d.closed()
	d.queue.Cut(func(c faultproxy.Call) bool { return c.Request.Method == http.MethodPost && !c.Replied })
	body := []byte(`{"job":"snapshot"}`)
	signed := hook.Key(hookKey).Sign("msg_1", body)
	for range 2 {
		if r := d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, clientState), nil); r.status < 500 {
			t.Errorf("a notification: %d %s", r.status, r.body)
		}
		if r := d.post("/run", body, signed); r.status < 500 {
			t.Errorf("a hook: %d %s", r.status, r.body)
		}
	}
	d.queue.Cut(nil)
	if r := d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, clientState), nil); r.status != http.StatusAccepted || len(d.messages(changesQueue)) != 1 {
		t.Errorf("once more: %d %s, %q", r.status, r.body, d.messages(changesQueue))
	}
	if r := d.post("/run", body, signed); r.status != http.StatusAccepted || len(d.messages(snapshots)) != 1 {
		t.Errorf("once more: %d %s, %q", r.status, r.body, d.messages(snapshots))
	}
}

// TestASignedHookPublishesASnapshotOnce however often it is sent.
func TestASignedHookPublishesASnapshotOnce(t *testing.T) {
	t.Parallel()
	d := deploy(t, simulator.Config{Users: 400})
	body := []byte(`{"job":"snapshot"}`)
	signed := hook.Key(hookKey).Sign("msg_1", body)
	for _, c := range []struct {
		header http.Header
		want   int
	}{
		{nil, http.StatusUnauthorized},
		{hook.Key("c29tZWJvZHktZWxzZSdzLWtleS13aGljaC1pcy1sb25n").Sign("msg_1", body), http.StatusUnauthorized},
		{signed, http.StatusAccepted},
	} {
		if r := d.post("/run", body, c.header.Clone()); r.status != c.want {
			t.Errorf("%d %s, want %d", r.status, r.body, c.want)
		}
	}
	m := d.published("", d.present())
	d.emptied(snapshots)
	d.tenant.ForgetRequests()
	d.tenant.Create()
	for range 3 {
		if r := d.post("/run", body, signed.Clone()); r.status != http.StatusAccepted {
			t.Errorf("a replay: %d %s", r.status, r.body)
		}
	}
	d.handled("snapshot_run", 4)
	d.emptied(snapshots)
	for _, r := range d.tenant.Requests() {
		if r.Kind == "list" {
			t.Errorf("a replay reads the tenant: %s", r.Path)
		}
	}
	if now, _ := d.latest(d.tenant.TenantID); now.Run != m.Run || len(d.runs(d.tenant.TenantID)) != 1 {
		t.Errorf("run %s is published, and there are %q", now.Run, d.runs(d.tenant.TenantID))
	}
	if r := d.post("/run", body, hook.Key(hookKey).Sign("msg_2", body)); r.status != http.StatusAccepted {
		t.Errorf("another hook: %d %s", r.status, r.body)
	}
	d.published(m.Run, d.present())
}
