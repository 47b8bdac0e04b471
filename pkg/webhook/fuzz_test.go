package webhook_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzNotifications has bodies that anybody may send.
func FuzzNotifications(f *testing.F) {
	for _, body := range []string{value(changed(state, tenant)), value(lifecycle(state, other)), `{"value":[null,7,{}]}`, `{"value":null}`, `{"VALUE":[{"CLIENTSTATE":"x"}]}`, `[]`, ``} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := newRig(t)
		code := r.notify(body)
		if taken := code == 202; taken != (len(r.changes.sent) > 0) || !taken && code != 400 && code != 401 && code != 413 {
			t.Fatalf("status %d, %v", code, r.changes.bodies())
		}
		if code == 202 && !strings.Contains(body, state) && !strings.Contains(body, nextState) && !strings.Contains(body, `\u`) {
			t.Fatalf("%q is trusted", body)
		}
		for _, e := range r.changes.sent {
			var m struct {
				Tenant string
				Renew  bool
			}
			if err := json.Unmarshal(e.Body, &m); err != nil || len(m.Tenant) != 36 || e.Subject != m.Tenant {
				t.Fatalf("message %s of group %s: %v", e.Body, e.Subject, err)
			}
		}
	})
}

// FuzzHook has bodies that somebody with the key signs.
func FuzzHook(f *testing.F) {
	for _, body := range []string{`{"job":"snapshot"}`, `{"job":"changes","tenant":"` + tenant + `"}`, `{"job":null}`, `{"job":"changes","job":"snapshot"}`, `[]`, ``, `{"Job":"changes"} x`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := newRig(t)
		w := r.hooked("m1", time.Now(), body, hookKey(t))
		jobs := len(r.changes.sent) + len(r.snapshots.sent)
		if taken := w.Code == 202; taken != (jobs == 1) || !taken && w.Code != 400 && w.Code != 413 {
			t.Fatalf("status %d, %d jobs: %s", w.Code, jobs, w.Body)
		}
	})
}
