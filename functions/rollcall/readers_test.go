package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a connection as serve makes it, and its other end.
func pipe(t *testing.T) (ours *readerConn, theirs net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return &readerConn{Conn: a, stalled: stalled}, b
}

func TestACallerWhoReadsSlowlyIsServedToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pipe(t)
		text := strings.Repeat("a user ", 20)
		go func() {
			if n, err := ours.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("%d of %d bytes, %v", n, len(text), err)
			}
			_ = ours.Close()
		}()
		var got strings.Builder
		started := time.Now()
		for one := make([]byte, 1); ; time.Sleep(stalled - time.Second) {
			n, err := theirs.Read(one)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got.Write(one[:n])
		}
		if took := time.Since(started); got.String() != text || took < time.Hour {
			t.Errorf("%d of %d bytes in %v", got.Len(), len(text), took)
		}
	})
}

func TestACallerWhoStopsReadingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pipe(t)
		started := time.Now()
		go func() { _, _ = io.ReadFull(theirs, make([]byte, 100)) }()
		n, err := ours.Write(make([]byte, 1000))
		if took := time.Since(started); n != 100 || !errors.Is(err, os.ErrDeadlineExceeded) || took < stalled || took > 2*stalled {
			t.Errorf("%d bytes, %v after %v", n, err, took)
		}
	})
}

// TLS has five seconds for its last record, whoever reads.
func TestADeadlineOfTheServerComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pipe(t)
		started := time.Now()
		if err := ours.SetWriteDeadline(started.Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.ReadFull(theirs, make([]byte, 100)) }()
		if _, err := ours.Write(make([]byte, 1000)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(started) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		if err := ours.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		started = time.Now()
		if _, err := ours.Write(make([]byte, 1000)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(started) != stalled {
			t.Errorf("%v after %v", err, time.Since(started))
		}
	})
}

func TestServeAnswersOnlySoManyRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		s := newSemaphore(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(7 * time.Second)
			running.Add(-1)
		}))
		gone, hangUp := context.WithCancel(t.Context())
		asked := 0
		ask := func(ctx context.Context) (code func() int, header http.Header) {
			w := httptest.NewRecorder()
			asked++
			var wait sync.WaitGroup
			wait.Go(func() {
				s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/users", http.NoBody))
			})
			synctest.Wait() // so that they come in this order
			return func() int { wait.Wait(); return w.Code }, w.Header()
		}
		var answers []func() int
		for range 2 * atOnce {
			code, _ := ask(t.Context())
			answers = append(answers, code)
		}
		late, header := ask(t.Context())
		left, _ := ask(gone)
		hangUp()
		left() // must return although it has no turn
		for i, code := range answers {
			if got := code(); got != http.StatusOK {
				t.Errorf("request %d: %d", i, got)
			}
		}
		if got := late(); got != http.StatusServiceUnavailable || header.Get("Retry-After") != "10" || header.Get("Rollcall-Error") != "Request.Throttled" {
			t.Errorf("the one too many: %d %v", got, header)
		}
		if most.Load() != atOnce {
			t.Errorf("%d were answered at once, want %d", most.Load(), atOnce)
		}
		if code, _ := ask(t.Context()); code() != http.StatusOK {
			t.Errorf("afterwards: %d", code())
		}
	})
}

// TestCallersWhoNeverReadTakeNoMoreThanTheirTurn has many of them on real
// sockets, whose buffers take more than is written at a time.
func TestCallersWhoNeverReadTakeNoMoreThanTheirTurn(t *testing.T) {
	const callers, stall = 3 * atOnce, 2 * time.Second
	var running, most, ended atomic.Int32
	endless := &semaphore{slots: make(chan struct{}, atOnce), patience: time.Minute, next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer ended.Add(1)
		defer running.Add(-1)
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		part := make([]byte, 64<<10)
		for size := 0; r.URL.Path == "/endless" || size < 8<<20; size += len(part) {
			if _, err := w.Write(part); err != nil {
				<-r.Context().Done() // which ends the reading of Graph
				return
			}
		}
	})}
	ctx, cancel := context.WithCancel(t.Context())
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- (&serveCommand{}).serve(ctx, endless, &readersListener{listener, stall}, slog.New(slog.DiscardHandler))
	}()
	dial := func(path string) *net.TCPConn {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return c.(*net.TCPConn)
	}
	for range callers {
		if err := dial("/endless").SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
	}
	reading := dial("/users")
	var size int
	for part := make([]byte, 64<<10); err == nil; {
		var n int
		n, err = reading.Read(part)
		if size += n; size < 1<<20 {
			time.Sleep(stall / 10) // in all, longer than a stalled caller has
		}
	}
	if size < 8<<20 || !errors.Is(err, io.EOF) {
		t.Errorf("who reads slowly got %d bytes, %v", size, err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if ended.Load() != callers+1 || most.Load() > atOnce {
		t.Errorf("%d of %d requests have ended, %d at once", ended.Load(), callers+1, most.Load())
	}
}
