package azure_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
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

// notification is what Graph posts when somebody has changed.
func (d *deployment) notification(clientState string) []byte {
	id := d.tenant.ID(7)
	return fmt.Appendf(nil, `{"value":[{"changeType":"updated","resource":"Users/%s","resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":"Users/%[1]s","id":%[1]q},`+
		`"clientState":%q,"subscriptionExpirationDateTime":"2030-01-01T00:00:00Z","subscriptionId":"6a7e8feb-2222-4333-8444-555555555555","tenantId":%q}]}`, id, clientState, d.tenant.TenantID)
}

// signed are the headers of a hook (the specification of Standard Webhooks, "Signature
// scheme").
func signed(t *testing.T, id, key string, body []byte) http.Header {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, now, body)
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", now)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return h
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
	if r := d.post("/notifications", d.notification("cl1ent-state-of-somebody-else"), nil); r.status != http.StatusUnauthorized {
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
	if r := d.post("/notifications", d.notification(clientState), nil); r.status != http.StatusAccepted {
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
	hook := signed(t, "msg_1", hookKey, body)
	for range 2 {
		if r := d.post("/notifications", d.notification(clientState), nil); r.status < 500 {
			t.Errorf("a notification: %d %s", r.status, r.body)
		}
		if r := d.post("/run", body, hook); r.status < 500 {
			t.Errorf("a hook: %d %s", r.status, r.body)
		}
	}
	d.queue.Cut(nil)
	if r := d.post("/notifications", d.notification(clientState), nil); r.status != http.StatusAccepted || len(d.messages(changesQueue)) != 1 {
		t.Errorf("once more: %d %s, %q", r.status, r.body, d.messages(changesQueue))
	}
	if r := d.post("/run", body, hook); r.status != http.StatusAccepted || len(d.messages(snapshots)) != 1 {
		t.Errorf("once more: %d %s, %q", r.status, r.body, d.messages(snapshots))
	}
}

// TestASignedHookPublishesASnapshotOnce however often it is sent.
func TestASignedHookPublishesASnapshotOnce(t *testing.T) {
	t.Parallel()
	d := deploy(t, simulator.Config{Users: 400})
	body := []byte(`{"job":"snapshot"}`)
	hook := signed(t, "msg_1", hookKey, body)
	for _, c := range []struct {
		header http.Header
		want   int
	}{
		{nil, http.StatusUnauthorized},
		{signed(t, "msg_1", "c29tZWJvZHktZWxzZSdzLWtleS13aGljaC1pcy1sb25n", body), http.StatusUnauthorized},
		{hook, http.StatusAccepted},
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
		if r := d.post("/run", body, hook.Clone()); r.status != http.StatusAccepted {
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
	if r := d.post("/run", body, signed(t, "msg_2", hookKey, body)); r.status != http.StatusAccepted {
		t.Errorf("another hook: %d %s", r.status, r.body)
	}
	d.published(m.Run, d.present())
}
