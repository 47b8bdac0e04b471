package webhook

import (
	"context"
	"encoding/json"
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

// notification is what counts of one entry of a body. What has changed is not asked:
// the change feed finds that out.
type notification struct {
	ClientState    string `json:"clientState"`
	TenantID       string `json:"tenantId"`
	LifecycleEvent string `json:"lifecycleEvent"`
}

// decode reads the entries of a body. One that is not as Graph writes it is left out.
func decode(body []byte) ([]notification, error) {
	var whole struct {
		Value *[]json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(body, &whole); err != nil || whole.Value == nil {
		return nil, invalid(`the body is not notifications of Microsoft Graph, {"value":[...]}`)
	}
	var entries []notification
	for _, text := range *whole.Value {
		var n notification
		if err := json.Unmarshal(text, &n); err == nil && isGUID(n.TenantID) && n.ClientState != "" {
			n.TenantID = strings.ToLower(n.TenantID)
			entries = append(entries, n)
		}
	}
	return entries, nil
}

func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// notifications passes notifications on, as one message a tenant. It answers once the
// queue has them.
func (h *Webhook) notifications(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	text, err := body(w, r)
	if err != nil {
		return err
	}
	entries, err := decode(text)
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
	h.Log.InfoContext(ctx, "notifications taken", "notifications", len(ours), "tenants", len(messages), "ignored", len(entries)-len(ours))
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
// notifications one is sent in each bucket, and the others wait for nothing.
func (h *Webhook) sendOnce(ctx context.Context, entries []bus.Entry) error {
	h.mu.Lock()
	now := time.Now()
	for id, at := range h.sent {
		if now.Sub(at) > bucket {
			delete(h.sent, id)
		}
	}
	entries = slices.DeleteFunc(entries, func(e bus.Entry) bool { return !h.sent[e.ID].IsZero() })
	h.mu.Unlock()
	if err := send(ctx, h.Changes, entries); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range entries {
		h.sent[e.ID] = now
	}
	return nil
}
