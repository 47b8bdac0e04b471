package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/webhook"
)

const (
	state     = "the-client-state-0123456789"
	nextState = "the-next-state-0123456789"
	tenant    = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	other     = "11111111-2222-4333-8444-555555555555"
)

// sender is a queue or a state machine.
type sender struct {
	mu      sync.Mutex
	sent    []bus.Entry
	calls   int
	failing func(call int) ([]bus.Failure, error)
}

func (s *sender) Send(_ context.Context, entries []bus.Entry) ([]bus.Failure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.failing != nil {
		if failed, err := s.failing(s.calls); failed != nil || err != nil {
			return failed, err
		}
	}
	for _, e := range entries {
		e.Body = bytes.Clone(e.Body)
		s.sent = append(s.sent, e)
	}
	return nil, nil
}

func (s *sender) bodies() (bodies []string) {
	for _, e := range s.sent {
		bodies = append(bodies, string(e.Body))
	}
	return bodies
}

// distinct is how many messages a FIFO queue keeps.
func (s *sender) distinct() int {
	ids := map[string]bool{}
	for _, e := range s.sent {
		ids[e.ID] = true
	}
	return len(ids)
}

// rig is a webhook with what it sends to.
type rig struct {
	t                  testing.TB
	changes, snapshots sender
	log                bytes.Buffer
	reads              int
	kept               *secret.Webhook
	broken             error // of the secret
	hook               *webhook.Webhook
}

func key(t testing.TB, text string) signature.Key {
	t.Helper()
	k, err := signature.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func hookKey(t testing.TB) signature.Key {
	t.Helper()
	return key(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
}

func foreignKey(t testing.TB) signature.Key {
	t.Helper()
	return key(t, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, kept: &secret.Webhook{
		ClientStates: []secret.Text{secret.NewText(state), secret.NewText(nextState)}, HookKeys: []signature.Key{hookKey(t)},
	}}
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	r.hook = webhook.New(webhook.Config{
		Changes: &r.changes, Snapshots: &r.snapshots, Log: log,
		Secret: secret.NewCache(secret.Source{}, 0, log, func(context.Context) (*secret.Webhook, error) {
			r.reads++
			return r.kept, r.broken
		}),
	})
	return r
}

func (r *rig) ask(method, target, contentType, body string, h http.Header) *httptest.ResponseRecorder {
	r.t.Helper()
	request := httptest.NewRequestWithContext(r.t.Context(), method, target, strings.NewReader(body))
	for name, values := range h {
		request.Header[name] = values
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	r.hook.ServeHTTP(w, request)
	return w
}

func (r *rig) notify(body string) int {
	r.t.Helper()
	return r.ask("POST", "/notifications", "application/json; charset=utf-8", body, nil).Code
}

// changed is a notification as Graph writes it.
func changed(state, tenant string) string {
	return fmt.Sprintf(`{"changeType":"updated","clientState":%q,"resource":"Users/u1","resourceData":{"@odata.type":"#Microsoft.Graph.User","id":"u1","sequenceNumber":"63"},`+
		`"subscriptionExpirationDateTime":"2026-12-20T00:00:00Z","subscriptionId":"5f0a","tenantId":%q}`, state, tenant)
}

func lifecycle(state, tenant string) string {
	return fmt.Sprintf(`{"lifecycleEvent":"reauthorizationRequired","clientState":%q,"subscriptionId":"5f0a","tenantId":%q}`, state, tenant)
}

func value(entries ...string) string { return `{"value":[` + strings.Join(entries, ",") + `]}` }

func TestTheValidationTokenIsAnsweredAsText(t *testing.T) {
	r := newRig(t)
	for token, want := range map[string]int{
		"Validation: Testing client application reachability for subscription Request-Id: 1+2/3": 200,
		"<script>alert(1)</script>":  200, // as text/plain, which nobody runs
		"":                           400,
		"line\nbreak":                400,
		"\xff":                       400,
		strings.Repeat("x", 4<<10+1): 400,
	} {
		w := r.ask("POST", "/notifications?validationToken="+url.QueryEscape(token), "text/plain; charset=utf-8", "", nil)
		h := w.Header()
		switch {
		case w.Code != want, h.Get("X-Content-Type-Options") != "nosniff", h.Get("Cache-Control") != "no-store":
			t.Errorf("%q: %d, %v", token, w.Code, h)
		case want == 200 && (w.Body.String() != token || h.Get("Content-Type") != "text/plain"):
			t.Errorf("%q: %q as %s", token, w.Body, h.Get("Content-Type"))
		case want != 200 && (h.Get("Content-Type") != "application/json" || token != "" && strings.Contains(w.Body.String(), token)):
			t.Errorf("%q: %q as %s", token, w.Body, h.Get("Content-Type"))
		}
	}
	if strings.Contains(r.log.String(), "reachability") || r.changes.calls > 0 || r.reads > 0 {
		t.Errorf("%d messages, %d reads of the secret, log %s", r.changes.calls, r.reads, &r.log)
	}
}

func TestEachTenantThatIsNotifiedOfHasOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		body := value(changed(state, tenant), changed(state, strings.ToUpper(tenant)), changed(nextState, other), changed("somebody else's, 16", other), lifecycle(state, tenant), lifecycle(state, tenant))
		if code := r.notify(body); code != 202 {
			t.Fatalf("status %d: %s", code, &r.log)
		}
		want := []string{`{"tenant":"` + tenant + `"}`, `{"tenant":"` + other + `"}`, `{"tenant":"` + tenant + `","renew":true}`}
		if got := r.changes.bodies(); !slices.Equal(got, want) {
			t.Errorf("messages %v, want %v", got, want)
		}
		if r.changes.sent[0].Subject != tenant || r.changes.distinct() != 3 {
			t.Errorf("%+v", r.changes.sent)
		}
		for _, leak := range []string{state, tenant, "u1"} {
			if strings.Contains(r.log.String(), leak) {
				t.Errorf("the log says %s: %s", leak, &r.log)
			}
		}
	})
}

func TestWhatIsNoNotificationIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, contentType, body string
		want                            int
	}{
		"a forged state":       {body: value(changed("forged-forged-forged", tenant)), want: 401},
		"no state":             {body: `{"value":[{"tenantId":"` + tenant + `"}]}`, want: 401},
		"a state of one byte":  {body: value(changed(state[:1], tenant)), want: 401},
		"no entries":           {body: `{"value":[]}`, want: 401},
		"a tenant by its name": {body: value(changed(state, "contoso.example")), want: 401},
		"a state that is not a text": {
			body: `{"value":[{"clientState":["` + state + `"],"tenantId":"` + tenant + `"}]}`, want: 401,
		},
		"no value":           {body: `{}`, want: 400},
		"value is null":      {body: `{"value":null}`, want: 400},
		"value is an object": {body: `{"value":{}}`, want: 400},
		"not JSON":           {body: `value=1`, want: 400},
		"two documents":      {body: value(changed(state, tenant)) + `{}`, want: 400},
		"a body that ends":   {body: `{"value":[`, want: 400},
		"endless nesting":    {body: `{"value":` + strings.Repeat("[", 100_000), want: 400},
		"no body":            {body: ``, want: 400},
		"too large":          {body: value(changed(state, tenant)) + strings.Repeat(" ", 1<<20), want: 413},
		"a form":             {contentType: "application/x-www-form-urlencoded", body: value(changed(state, tenant)), want: 415},
		"no content type":    {contentType: "-", body: value(changed(state, tenant)), want: 415},
		"a malformed one":    {contentType: "application/json; charset", body: value(changed(state, tenant)), want: 415},
		"a look":             {method: "GET", want: 405},
		"another path":       {path: "/notifications/", body: value(changed(state, tenant)), want: 404},
		"the root":           {path: "/", body: value(changed(state, tenant)), want: 404},
	} {
		r := newRig(t)
		pick := func(own, standard string) string {
			if own == "" {
				return standard
			}
			return strings.TrimPrefix(own, "-")
		}
		w := r.ask(pick(c.method, "POST"), pick(c.path, "/notifications"), pick(c.contentType, "application/json"), c.body, nil)
		if w.Code != c.want || r.changes.calls > 0 {
			t.Errorf("%s: status %d, want %d; %d messages", name, w.Code, c.want, r.changes.calls)
		}
		var envelope struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || envelope.Error.Message == "" {
			t.Errorf("%s: %q", name, w.Body)
		}
		if text := r.log.String() + w.Body.String(); strings.Contains(text, "forged") || strings.Contains(text, state) || strings.Contains(text, tenant) {
			t.Errorf("%s: what was sent is quoted: %s", name, text)
		}
	}
}

func TestAStormOfNotificationsIsAHandfulOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 10_000 {
			if code := r.notify(value(changed(state, tenant))); code != 202 {
				t.Fatal(code)
			}
			time.Sleep(6 * time.Millisecond) // a minute in all
		}
		if n := r.changes.calls; n < 2 || n > 3 {
			t.Errorf("%d messages were sent", n)
		}
		if r.changes.distinct() != r.changes.calls {
			t.Error("a message was sent twice")
		}
	})
}

// The queue hands a message over 45 seconds after it was sent.
func TestAChangeIsNotifiedBeforeAMessageForItIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var acknowledged []time.Time
		r.changes.failing = func(int) ([]bus.Failure, error) {
			acknowledged = append(acknowledged, time.Now())
			return nil, nil
		}
		for range 1000 {
			r.notify(value(changed(state, tenant)))
			// Somebody else's instance starts cold, and sends the same message again.
			last := acknowledged[len(acknowledged)-1]
			if since := time.Since(last); since > 30*time.Second {
				t.Fatalf("a notification was left to a message that was sent %s before", since)
			}
			time.Sleep(700 * time.Millisecond)
		}
	})
}

func TestNothingIsAcknowledgedThatTheQueueHasNotTaken(t *testing.T) {
	down := &bus.Refusal{Problem: "the queue is down", Retry: true}
	for name, failing := range map[string]func(call int) ([]bus.Failure, error){
		"down":        func(int) ([]bus.Failure, error) { return nil, down },
		"not allowed": func(int) ([]bus.Failure, error) { return nil, &bus.Refusal{Problem: "the role may not"} },
		"in parts": func(int) ([]bus.Failure, error) {
			return []bus.Failure{{Index: 1, Code: "InternalError", Retry: true}}, nil
		},
		"another kind": func(int) ([]bus.Failure, error) { return nil, errors.New("broken") },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.changes.failing = failing
			w := r.ask("POST", "/notifications", "application/json", value(changed(state, tenant), changed(state, other)), nil)
			if w.Code != 503 || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: status %d, %v", name, w.Code, w.Header())
			}
			if strings.Contains(w.Body.String(), "queue") {
				t.Errorf("%s: the caller learns what is wrong here: %s", name, w.Body)
			}
			r.changes.failing = nil
			if code := r.notify(value(changed(state, tenant), changed(state, other))); code != 202 || r.changes.distinct() != 2 {
				t.Errorf("%s: once it is up: status %d, %v", name, code, r.changes.bodies())
			}
		})
	}
}

func TestAQueueThatFailsOnceIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.changes.failing = func(call int) ([]bus.Failure, error) {
			if call == 1 {
				return nil, &bus.Refusal{Problem: "busy", Retry: true}
			}
			return nil, nil
		}
		if code := r.notify(value(changed(state, tenant))); code != 202 || len(r.changes.sent) != 1 {
			t.Errorf("status %d, %d messages", code, len(r.changes.sent))
		}
	})
}

func TestManyTenantsGoInBatchesOfTen(t *testing.T) {
	r := newRig(t)
	var entries []string
	for i := range 25 {
		entries = append(entries, changed(state, fmt.Sprintf("11111111-2222-4333-8444-%012d", i)))
	}
	if code := r.notify(value(entries...)); code != 202 || len(r.changes.sent) != 25 || r.changes.calls != 3 {
		t.Errorf("status %d, %d messages in %d requests", code, len(r.changes.sent), r.changes.calls)
	}
}

func TestARotatedSecretCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if code := r.notify(value(changed(state, tenant))); code != 202 || r.reads != 1 {
			t.Fatalf("status %d after %d reads", code, r.reads)
		}
		r.kept = &secret.Webhook{ClientStates: []secret.Text{secret.NewText("rotated-0123456789")}}
		if code := r.notify(value(changed("rotated-0123456789", tenant))); code != 202 || r.reads != 2 {
			t.Errorf("the new state: status %d after %d reads", code, r.reads)
		}
		for range 100 { // forged
			if code := r.notify(value(changed(state, tenant))); code != 401 {
				t.Fatalf("the old state: status %d", code)
			}
		}
		if r.reads != 2 {
			t.Errorf("forged requests had the secret read %d times", r.reads)
		}
		time.Sleep(61 * time.Second)
		r.broken = errors.New("the store is down")
		if code := r.notify(value(changed(state, tenant))); code != 401 {
			t.Errorf("a store that is down: status %d", code)
		}
		if code := r.notify(value(changed("rotated-0123456789", tenant))); code != 202 {
			t.Errorf("the cached secret: status %d", code)
		}
	})
}

func TestWithoutItsSecretNothingIsRefusedForGood(t *testing.T) {
	r := newRig(t)
	r.broken = errors.New("AccessDenied")
	if code := r.notify(value(changed(state, tenant))); code != 503 {
		t.Errorf("status %d", code)
	}
}

// hooked is a signed hook.
func (r *rig) hooked(id string, at time.Time, body string, keys ...signature.Key) *httptest.ResponseRecorder {
	r.t.Helper()
	return r.ask("POST", "/run", "application/json", body, http.Header{
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature.Sign(keys, id, at, []byte(body))},
	})
}

func TestASignedHookStartsItsJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		now := time.Now()
		for _, body := range []string{`{"job":"snapshot"}`, `{"job":"snapshot","tenant":"` + strings.ToUpper(tenant) + `"}`, ` {"job":"changes"} `, `{"job":"changes","tenant":"` + tenant + `"}`} {
			if w := r.hooked(strconv.Itoa(len(body)), now, body, hookKey(t)); w.Code != 202 {
				t.Errorf("%s: status %d: %s", body, w.Code, w.Body)
			}
		}
		if got, want := r.snapshots.bodies(), []string{`{}`, `{"tenant":"` + tenant + `"}`}; !slices.Equal(got, want) {
			t.Errorf("snapshots: %v", got)
		}
		if got, want := r.changes.bodies(), []string{`{}`, `{"tenant":"` + tenant + `"}`}; !slices.Equal(got, want) {
			t.Errorf("changes: %v", got)
		}
		if id := r.snapshots.sent[0].ID; len(id) > 80 || !strings.HasPrefix(id, "hook-") {
			t.Errorf("the execution is called %q", id)
		}
	})
}

// A queue remembers for five minutes what it has had, a state machine for months.
func TestAHookThatIsReplayedStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		signed := time.Now().Add(44 * time.Second) // by a clock that is ahead
		var first, last time.Time
		for range 120 {
			if w := r.hooked("m1", signed, `{"job":"changes"}`, hookKey(t)); w.Code == 202 {
				if last = time.Now(); first.IsZero() {
					first = last
				}
			}
			time.Sleep(10 * time.Second)
		}
		if took := last.Sub(first); took <= 0 || took >= 5*time.Minute {
			t.Errorf("it was taken for %s", took)
		}
		if r.changes.distinct() != 1 {
			t.Errorf("%d messages, of one hook", r.changes.distinct())
		}
	})
}

func TestWhatIsNoSignedHookStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for name, c := range map[string]struct {
			id, body string
			at       time.Time
			key      signature.Key
			want     int
		}{
			"a forged signature":    {"m1", `{"job":"snapshot"}`, now, foreignKey(t), 401},
			"an old one":            {"m1", `{"job":"snapshot"}`, now.Add(-5 * time.Minute), hookKey(t), 401},
			"no id":                 {"", `{"job":"snapshot"}`, now, hookKey(t), 401},
			"another job":           {"m1", `{"job":"rotate"}`, now, hookKey(t), 400},
			"no job":                {"m1", `{}`, now, hookKey(t), 400},
			"a job with options":    {"m1", `{"job":"snapshot","accept":"r1"}`, now, hookKey(t), 400},
			"two jobs":              {"m1", `{"job":"snapshot"}{"job":"changes"}`, now, hookKey(t), 400},
			"a job that is no text": {"m1", `{"job":["snapshot"]}`, now, hookKey(t), 400},
			"a tenant by its name":  {"m1", `{"job":"changes","tenant":"contoso.example"}`, now, hookKey(t), 400},
			"not JSON":              {"m1", `job=snapshot`, now, hookKey(t), 400},
			"nothing":               {"m1", ``, now, hookKey(t), 400},
		} {
			r := newRig(t)
			w := r.hooked(c.id, c.at, c.body, c.key)
			if w.Code != c.want || r.changes.calls+r.snapshots.calls > 0 {
				t.Errorf("%s: status %d, want %d; %d jobs", name, w.Code, c.want, r.changes.calls+r.snapshots.calls)
			}
		}
	})
}

func TestAHookNeedsAKeyAndItsJob(t *testing.T) {
	r := newRig(t)
	r.kept = &secret.Webhook{ClientStates: r.kept.ClientStates}
	if w := r.hooked("m1", time.Now(), `{"job":"snapshot"}`, hookKey(t)); w.Code != 401 || !strings.Contains(r.log.String(), "has no HookKey") {
		t.Errorf("without a key: status %d, %s", w.Code, &r.log)
	}
	r = newRig(t)
	r.hook.Snapshots = nil
	if w := r.hooked("m1", time.Now(), `{"job":"snapshot"}`, hookKey(t)); w.Code != 400 || !strings.Contains(w.Body.String(), "ROLLCALL_STATE_MACHINE") {
		t.Errorf("without a state machine: status %d, %s", w.Code, w.Body)
	}
}

func TestAHookWhoseJobCannotBeStartedComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.snapshots.failing = func(int) ([]bus.Failure, error) { return nil, &bus.Refusal{Problem: "throttled", Retry: true} }
		now := time.Now()
		if w := r.hooked("m1", now, `{"job":"snapshot"}`, hookKey(t)); w.Code != 503 || r.snapshots.calls != 3 {
			t.Errorf("status %d after %d attempts", w.Code, r.snapshots.calls)
		}
		r.snapshots.failing = nil
		if w := r.hooked("m1", now, `{"job":"snapshot"}`, hookKey(t)); w.Code != 202 || len(r.snapshots.sent) != 1 {
			t.Errorf("status %d, %d jobs", w.Code, len(r.snapshots.sent))
		}
	})
}
