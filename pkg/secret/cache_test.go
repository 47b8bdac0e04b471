package secret_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// counted is a secret that a test changes; its value is the number of the read.
type counted struct {
	reads int
	err   error
}

func (c *counted) read(context.Context) (int, error) {
	c.reads++
	return c.reads, c.err
}

func (c *counted) cache(log *slog.Logger) *secret.Cache[int] {
	return secret.NewCache(secret.Source{Scheme: secret.File, Name: "/key"}, 0, log, c.read)
}

func TestASecretIsReadOnceWithinItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		cache := c.cache(slog.New(slog.DiscardHandler))
		get := func(want int) {
			t.Helper()
			if got, err := cache.Get(t.Context()); err != nil || got != want {
				t.Errorf("read %d, %v, want %d", got, err, want)
			}
		}
		get(1)
		time.Sleep(secret.DefaultTTL - time.Second)
		get(1)
		time.Sleep(2 * time.Second)
		get(2)
		if got, err := cache.Reread(t.Context()); err != nil || got != 3 {
			t.Errorf("reread %d, %v", got, err)
		}
		get(3)
	})
}

func TestAValueWhoseRefreshFailsStaysInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := counted{err: errors.New("the store is down")}
		cache := c.cache(slog.New(slog.NewTextHandler(&log, nil)))
		if _, err := cache.Get(t.Context()); !errors.Is(err, c.err) {
			t.Errorf("with nothing cached: %v", err)
		}
		down := c.err
		c.err = nil
		if _, err := cache.Get(t.Context()); err != nil {
			t.Error(err)
		}
		c.err = down
		time.Sleep(secret.DefaultTTL + time.Second)
		for range 3 {
			if got, err := cache.Get(t.Context()); err != nil || got != 2 {
				t.Errorf("read %d, %v", got, err)
			}
		}
		if c.reads != 3 {
			t.Errorf("read %d times, want 3: a failed refresh is not repeated at once", c.reads)
		}
		time.Sleep(2 * time.Minute)
		if _, err := cache.Reread(t.Context()); !errors.Is(err, down) {
			t.Errorf("reread: %v", err)
		}
		if got, err := cache.Get(t.Context()); err != nil || got != 2 {
			t.Errorf("read %d, %v", got, err)
		}
		mustContain(t, log.String(), "source=file:/key", "the store is down")
	})
}

func TestRequestsThatDoNotMatchReadASecretAgainEveryTenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		cache := c.cache(slog.New(slog.DiscardHandler))
		recheck := func(want int, wantErr error) {
			t.Helper()
			if got, err := cache.Recheck(t.Context()); !errors.Is(err, wantErr) || got != want {
				t.Errorf("read %d, %v, want %d", got, err, want)
			}
		}
		if got, err := cache.Get(t.Context()); err != nil || got != 1 {
			t.Errorf("read %d, %v", got, err)
		}
		for range 100 {
			recheck(2, nil)
		}
		time.Sleep(10 * time.Second)
		recheck(3, nil)
		time.Sleep(10 * time.Second)
		c.err = errors.New("the store is down")
		for range 100 {
			recheck(0, c.err)
		}
		if got, err := cache.Get(t.Context()); err != nil || got != 3 || c.reads != 4 {
			t.Errorf("read %d, %v after %d reads, want 3 after 4: a failed read counts", got, err, c.reads)
		}
	})
}

func TestThoseWhoWaitForAReadLeaveWhenTheirContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		cache := secret.NewCache(secret.Source{}, 0, slog.New(slog.DiscardHandler), func(context.Context) (int, error) {
			<-release
			return 1, nil
		})
		go func() { _, _ = cache.Get(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := cache.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := cache.Get(ctx); !errors.Is(err, context.Canceled) || errors.As(err, new(*secret.Error)) {
			t.Errorf("error %v", err)
		}
		close(release)
	})
}
