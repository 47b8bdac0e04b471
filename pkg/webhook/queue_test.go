package webhook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

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
			return []bus.Failure{{Index: 0, Code: "InternalError", Retry: true}}, nil
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
			if code := r.notify(value(changed(state, tenant), changed(state, other))); code != 202 || r.changes.distinct() != 2 || len(r.changes.sent) != 2 {
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

func TestAQueueThatHangsIsAskedAgainWhileGraphWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.changes.hangs = 1
		began := time.Now()
		if code := r.notify(value(changed(state, tenant))); code != 202 || len(r.changes.sent) != 1 || time.Since(began) > 3*time.Second {
			t.Errorf("status %d, %d messages after %s", code, len(r.changes.sent), time.Since(began))
		}
	})
}

func TestWhatTheQueueHasTakenIsNotSentAgainWhenGraphComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var entries []string
		for i := range 35 {
			entries = append(entries, changed(state, fmt.Sprintf("11111111-2222-4333-8444-%012d", i)))
		}
		r.changes.failing = func(call int) ([]bus.Failure, error) {
			switch {
			case call == 2:
				return []bus.Failure{{Index: 3, Code: "InternalError", Retry: true}}, nil
			case call == 4:
				return nil, &bus.Refusal{Problem: "the role may not"}
			}
			return nil, nil
		}
		if code := r.notify(value(entries...)); code != 503 || len(r.changes.sent) != 29 {
			t.Errorf("status %d, %d messages", code, len(r.changes.sent))
		}
		if code := r.notify(value(entries...)); code != 202 || len(r.changes.sent) != 35 || r.changes.distinct() != 35 || r.changes.calls != 5 {
			t.Errorf("status %d, %d messages in %d requests", code, len(r.changes.sent), r.changes.calls)
		}
	})
}

// Nobody here learns whether it was written.
func TestWhatIsWrittenAfterTheAnswerIsSentAgainWhenGraphComesAgain(t *testing.T) {
	r := newRig(t)
	r.hook.Deferred = true
	for range 2 {
		if code := r.notify(value(changed(state, tenant))); code != 202 {
			t.Errorf("status %d", code)
		}
	}
	if len(r.changes.sent) != 2 {
		t.Errorf("%d messages", len(r.changes.sent))
	}
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
