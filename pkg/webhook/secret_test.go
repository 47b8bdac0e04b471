package webhook_test

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
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

func TestARotatedKeyOfHooksCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const body = `{"job":"changes"}`
		rotated := foreignKey(t)
		if w := r.hooked("m1", time.Now(), body, rotated); w.Code != 401 || r.reads != 2 {
			t.Errorf("before it is known: status %d after %d reads", w.Code, r.reads)
		}
		time.Sleep(10 * time.Second)
		r.kept = &secret.Webhook{HookKeys: []signature.Key{hookKey(t), rotated}}
		for i, keys := range [][]signature.Key{{rotated}, {hookKey(t)}, {hookKey(t), rotated}} {
			if w := r.hooked("m"+strconv.Itoa(2+i), time.Now(), body, keys...); w.Code != 202 || r.reads != 3 {
				t.Errorf("while it is rotated: status %d after %d reads", w.Code, r.reads)
			}
		}
		time.Sleep(10 * time.Second)
		r.kept = &secret.Webhook{HookKeys: []signature.Key{rotated}}
		for i := range 100 {
			if w := r.hooked("n"+strconv.Itoa(i), time.Now(), body, key(t, "whsec_YW5vdGhlci1rZXktdGhhdC1ub2JvZHkta25vd3M=")); w.Code != 401 {
				t.Fatalf("forged: status %d", w.Code)
			}
		}
		if r.reads != 4 {
			t.Errorf("forged hooks had the secret read %d times", r.reads)
		}
		if w := r.hooked("m9", time.Now(), body, hookKey(t)); w.Code != 401 {
			t.Errorf("the old key, once it is gone: status %d", w.Code)
		}
	})
}
