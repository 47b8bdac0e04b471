package webhook_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

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
		for range 100 { // nobody knows whether the state is a new one
			if code := r.notify(value(changed(state, tenant))); code != 503 {
				t.Fatalf("a store that is down: status %d", code)
			}
		}
		if r.reads != 3 {
			t.Errorf("the secret was read %d times", r.reads)
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
