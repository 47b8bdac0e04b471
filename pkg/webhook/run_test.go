package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

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
			"a job twice":           {"m1", `{"job":"changes","job":"snapshot"}`, now, hookKey(t), 400},
			"a job in capitals":     {"m1", `{"Job":"changes"}`, now, hookKey(t), 400},
			"an empty tenant":       {"m1", `{"job":"changes","tenant":""}`, now, hookKey(t), 400},
			"no tenant at all":      {"m1", `{"job":"changes","tenant":null}`, now, hookKey(t), 400},
			"endless nesting":       {"m1", `{"job":` + strings.Repeat("[", 100_000), now, hookKey(t), 400},
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
