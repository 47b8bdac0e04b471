package webhook

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// maxToken is the size of a validation token that is answered.
const maxToken = 4 << 10

// validate answers the question whether this address wants notifications, which Graph
// asks when a subscription is created: with the token that it sent, as text.
func validate(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("validationToken")
	if token == "" || len(token) > maxToken || !utf8.ValidString(token) || strings.ContainsFunc(token, unicode.IsControl) {
		return invalid("the validationToken is not one of Microsoft Graph")
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(token))
	return nil
}

// notifications passes notifications on, as one message a tenant. It answers once the
// queue has them.
func (h *Webhook) notifications(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	text, err := body(w, r)
	if err != nil {
		return err
	}
	entries, ignored, err := decode(text)
	if err != nil {
		return err
	}
	var ours []notification
	ok, err := h.trusted(ctx, func(s *secret.Webhook) bool {
		ours = slices.DeleteFunc(slices.Clone(entries), func(n notification) bool { return !stated(s.ClientStates, n.ClientState) })
		return len(ours) > 0
	})
	switch {
	case err != nil:
		return err
	case !ok:
		return unauthorized("no notification has the clientState of a subscription that is known here")
	}
	messages := messagesOf(ours, time.Now())
	if err := h.sendOnce(ctx, messages); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "notifications taken", "notifications", len(ours), "tenants", len(messages), "ignored", ignored+len(entries)-len(ours))
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// stated compares with every state, so that the time does not tell which one it is.
func stated(states []secret.Text, state string) (ok bool) {
	given := secret.NewText(state)
	for _, own := range states {
		if own.Equal(given) {
			ok = true
		}
	}
	return ok
}

// message is what the change feed is asked to do; it is the input of functions/changes.
type message struct {
	Tenant string `json:"tenant,omitempty"`
	Renew  bool   `json:"renew,omitempty"`
}

// entry is a message of the queue. Messages with the same id are one.
func (m message) entry(id string) bus.Entry {
	text, _ := json.Marshal(m) // a text and a truth value always have a JSON form
	return bus.Entry{ID: id, Subject: m.Tenant, Source: "rollcall", Body: text}
}

// messagesOf makes a message for each tenant, and one more where a subscription is about
// to end, which no notification of a change may take the place of.
func messagesOf(notifications []notification, now time.Time) []bus.Entry {
	at := strconv.FormatInt(now.Unix()/int64(bucket/time.Second), 10)
	var entries []bus.Entry
	seen := map[string]bool{}
	for _, n := range notifications {
		m, kind := message{Tenant: n.TenantID}, "changes/"
		if n.LifecycleEvent != "" {
			m.Renew, kind = true, "lifecycle/"
		}
		if id := kind + n.TenantID + "/" + at; !seen[id] {
			seen[id] = true
			entries = append(entries, m.entry(id))
		}
	}
	return entries
}

// sendOnce sends the entries that the queue has not acknowledged yet: of a storm of
// notifications one is sent in each bucket, and the others wait for nothing. What was
// acknowledged before others failed is not sent again when Graph comes again.
func (h *Webhook) sendOnce(ctx context.Context, entries []bus.Entry) error {
	now := time.Now()
	h.mu.Lock()
	maps.DeleteFunc(h.sent, func(_ string, at time.Time) bool { return now.Sub(at) > bucket })
	entries = slices.DeleteFunc(entries, func(e bus.Entry) bool { return !h.sent[e.ID].IsZero() })
	h.mu.Unlock()
	return send(ctx, h.Changes, entries, func(e bus.Entry) {
		if h.Deferred {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sent[e.ID] = now
	})
}
