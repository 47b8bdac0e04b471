package azure_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/webhook/azure"
)

const (
	hookKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	state   = "the-client-state-0123456789"
	tenant  = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
)

// queues are the queues of the output bindings.
type queues struct {
	messages []string // binding and text
	err      error
}

func (q *queues) put(_ context.Context, binding, message string) error {
	if q.err == nil {
		q.messages = append(q.messages, binding+" "+message)
	}
	return q.err
}

// open returns the webhook, and what sends a signed hook or else a notification to it.
func open(t *testing.T, q *queues) func(path, body string) int {
	t.Helper()
	var kept secret.WebhookSource
	if err := kept.UnmarshalText([]byte(`{"ClientState":"` + state + `","HookKey":"` + hookKey + `"}`)); err != nil {
		t.Fatal(err)
	}
	key, err := signature.ParseKey(hookKey)
	if err != nil {
		t.Fatal(err)
	}
	h, err := azure.New(kept, q.put, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return func(path, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Webhook-Id", "m1")
		r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("Webhook-Signature", signature.Sign([]signature.Key{key}, "m1", now, []byte(body)))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
}

func TestTheWebhookNeedsItsSecret(t *testing.T) {
	_, err := azure.New(secret.WebhookSource{}, new(queues).put, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "ROLLCALL_WEBHOOK_SECRET") {
		t.Error(err)
	}
}

func TestANotificationIsAMessageEachTime(t *testing.T) {
	q := new(queues)
	send := open(t, q)
	body := `{"value":[{"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","clientState":"` + state + `","changeType":"updated","resource":"Users/x","tenantId":"` + tenant + `"}]}`
	for range 2 {
		if code := send("/notifications", body); code != http.StatusAccepted {
			t.Errorf("status %d", code)
		}
	}
	if diff := cmp.Diff([]string{`changes {"tenant":"` + tenant + `"}`, `changes {"tenant":"` + tenant + `"}`}, q.messages); diff != "" {
		t.Error(diff)
	}
	q.err = errors.New("the function has no such binding")
	if code := send("/notifications", body); code != http.StatusServiceUnavailable {
		t.Errorf("status %d", code)
	}
}

func TestAHookNamesTheRunSoThatAReplayStartsNoOther(t *testing.T) {
	q := new(queues)
	send := open(t, q)
	for range 2 {
		for _, body := range []string{`{"job":"snapshot"}`, `{"job":"snapshot","tenant":"` + tenant + `"}`, `{"job":"changes"}`} {
			if code := send("/run", body); code != http.StatusAccepted {
				t.Errorf("%s: status %d", body, code)
			}
		}
	}
	const run = `"run":"hook-`
	if len(q.messages) != 6 || !strings.HasPrefix(q.messages[0], `snapshots {`+run) || q.messages[0] != q.messages[3] ||
		!strings.Contains(q.messages[1], run) || !strings.Contains(q.messages[1], `"tenant":"`+tenant+`"`) || q.messages[2] != "changes {}" {
		t.Errorf("%q", q.messages)
	}
}
