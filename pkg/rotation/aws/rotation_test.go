package aws_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const month = days * 24 * time.Hour

func TestASecretIsRotatedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{SecretPropagation: 40 * time.Second}, "")
		first := f.keys()[0]
		for n := range 4 {
			before := f.identity("AWSCURRENT")
			began := time.Now()
			token := f.rotate()
			f.expectRotated(token)
			now := f.identity("AWSCURRENT")
			end, err := time.Parse(time.RFC3339, now.ExpiresAt)
			if age := end.Sub(began); err != nil || age < 90*24*time.Hour-time.Minute || age > 90*24*time.Hour+time.Minute {
				t.Errorf("it ends in %s, %v", age, err)
			}
			if now == before || f.identity("AWSPREVIOUS") != before || n == 0 && before.KeyID != first {
				t.Errorf("%d: %+v, before %+v", n, now.KeyID, before.KeyID)
			}
			if took := time.Since(began); took < 40*time.Second || took > 2*time.Minute {
				t.Errorf("it took %s", took)
			}
			want := strings.NewReplacer(before.ClientSecret, now.ClientSecret, before.KeyID, now.KeyID, before.ExpiresAt+"#", now.ExpiresAt)
			if got := f.tenant.SecretValue(f.name, "AWSCURRENT"); n > 0 && got != want.Replace(strings.Replace(f.tenant.SecretValue(f.name, "AWSPREVIOUS"), before.ExpiresAt, before.ExpiresAt+"#", 1)) {
				t.Errorf("something else in the secret has changed: %s", got)
			}
			time.Sleep(month)
		}
		f.expectSilence()
	})
}

// The whole rotation is killed after each request in turn, before or after it was carried
// out, and then done once more, as Secrets Manager does.
func TestARotationThatIsKilledAnywhereEndsWellTheNextTime(t *testing.T) {
	for rotations, modes := range [][]bool{{false, true}, {false, true}, {true}} {
		for _, after := range modes {
			for at := 1; ; at++ {
				killed := false
				synctest.Test(t, func(t *testing.T) { killed = killedAt(t, rotations, at, after, simulator.Config{}) })
				if !killed {
					if at < 12 {
						t.Errorf("a rotation makes %d requests only", at)
					}
					break
				}
			}
		}
	}
}

// killedAt kills a rotation that comes after so many others, and reports whether it was not
// over by then.
func killedAt(t *testing.T, rotations, at int, after bool, cfg simulator.Config) bool {
	t.Helper()
	f := newFixture(t, cfg, "")
	for range rotations {
		f.rotate()
		time.Sleep(month)
	}
	token := f.begin()
	deadly := &killing{next: f.tenant.Transport(), at: at, after: after}
	r := f.rotator(deadly)
	for _, step := range steps() {
		if _, err := f.step(t.Context(), r, step, token); err != nil {
			break
		}
	}
	if !f.works("AWSCURRENT") || rotations > 0 && !f.works("AWSPREVIOUS") {
		t.Errorf("rotation %d, killed at %d (%s, %t): the current secret or the one before it does not work", rotations, at, deadly.last, after)
	}
	f.allSteps(token)
	f.expectRotated(token)
	f.expectSilence()
	if t.Failed() {
		t.Fatalf("rotation %d was killed at %d (%s, %t)", rotations, at, deadly.last, after)
	}
	return deadly.killed()
}

// Graph's reads lag behind its writes.
func TestARotationEndsWellWhileGraphLags(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at += 3 {
			killed := false
			synctest.Test(t, func(t *testing.T) {
				killed = killedAt(t, 1, at, after, simulator.Config{ReplicaLag: 7 * time.Second, SecretPropagation: 10 * time.Second})
			})
			if !killed {
				break
			}
		}
	}
}

func TestEachStepMayBeDoneTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		f.rotate()
		time.Sleep(month)
		token := f.begin()
		for _, step := range steps() {
			for range 2 {
				if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), step, token); err != nil {
					t.Fatalf("%s: %v", step, err)
				}
			}
		}
		f.expectRotated(token)
		for _, step := range steps() {
			if got, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), step, token); err != nil || got.Did != "nothing" || got.Step != step {
				t.Errorf("%s, after the end: %+v, %v", step, got, err)
			}
		}
		f.expectRotated(token)
	})
}

func TestTwoInvocationsOfEachStepAtOnceEndWell(t *testing.T) {
	for seed := range uint64(18) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{SecretPropagation: time.Duration(seed%3) * 10 * time.Second, ReplicaLag: time.Duration(seed%2) * 2 * time.Second}, "")
			for range seed % 3 {
				f.rotate()
				time.Sleep(month)
			}
			token := f.begin()
			for _, step := range steps() {
				errs := make(chan error, 2)
				for n := range 2 {
					over := &delaying{next: f.tenant.Transport(), seed: seed*2 + uint64(n)}
					go func() {
						_, err := f.step(t.Context(), f.rotator(over), step, token)
						errs <- err
					}()
				}
				for range 2 {
					if err := <-errs; err != nil {
						t.Errorf("seed %d, %s: %v", seed, step, err)
					}
				}
			}
			f.expectRotated(token)
			f.expectSilence()
			if t.Failed() {
				t.Fatalf("seed %d\n%s", seed, f.log)
			}
		})
	}
}

// An invocation that was held up makes its client secret after another one has stored its
// own, or even finished.
func TestAClientSecretThatComesTooLateIsRemoved(t *testing.T) {
	for _, until := range steps() {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{}, "")
			f.rotate()
			time.Sleep(month)
			token := f.begin()
			held := &holding{next: f.tenant.Transport(), path: "/addPassword", held: make(chan struct{}), release: make(chan struct{})}
			done := make(chan error)
			go func() {
				_, err := f.step(t.Context(), f.rotator(held), rotation.Create, token)
				done <- err
			}()
			<-held.held
			for _, step := range steps() {
				if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), step, token); err != nil {
					t.Errorf("%s: %v", step, err)
				}
				if step == until {
					close(held.release)
					if err := <-done; err != nil {
						t.Errorf("the late one, after %s: %v", until, err)
					}
				}
			}
			f.expectRotated(token)
		})
	}
}

func TestAnOrphanIsRemovedOnceItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		token := f.begin()
		deadly := &killing{next: f.tenant.Transport(), at: 1}
		for ; len(f.keys()) < 2; deadly.at++ {
			deadly.sent, deadly.after = 0, true
			_, _ = f.step(t.Context(), f.rotator(deadly), rotation.Create, token)
		}
		orphan := f.keys()
		// At once it may be that of an invocation that is still alive.
		before := f.tenant.Passwords(readerID)
		time.Sleep(6 * time.Minute)
		if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Create, token); err != nil {
			t.Fatal(err)
		}
		if len(f.keys()) != 2 || fmt.Sprint(f.keys()) == fmt.Sprint(orphan) || f.keys()[0] != before[0].KeyID && f.keys()[1] != before[0].KeyID {
			t.Errorf("%q, then %q", orphan, f.keys())
		}
	})
}

func TestThereAreNeverMoreClientSecretsThanFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		f.rotate()
		time.Sleep(month)
		f.rotate() // two are ours from here on
		time.Sleep(month)
		token := f.begin()
		var refusal error
		for range 10 {
			// Each makes a client secret and dies before it stores it.
			lost := &failing{next: f.tenant.Transport(), target: "secretsmanager.PutSecretValue"}
			_, refusal = f.step(t.Context(), f.rotator(lost), rotation.Create, token)
			time.Sleep(10 * time.Second)
		}
		if len(f.keys()) != 5 || refusal == nil || !strings.Contains(refusal.Error(), "never stored") {
			t.Errorf("%d client secrets, %v", len(f.keys()), refusal)
		}
		time.Sleep(6 * time.Minute)
		f.allSteps(token)
		f.expectRotated(token)
	})
}
