package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

const (
	// stalled is how long a caller may take nothing of an answer. However slowly one
	// reads, a long list is sent to its end.
	stalled = 30 * time.Second
	// atOnce is how many requests are answered at a time. Each keeps a list's
	// buffers, some megabytes at most.
	atOnce = 16
	// patience is how long a request waits until one of those has ended.
	patience = 10 * time.Second
)

// semaphore lets a limited number of requests through at a time, so that callers
// who do not read cannot take all the memory. The others wait, for a while.
type semaphore struct {
	next     http.Handler
	slots    chan struct{} // one element for each request that is being answered
	patience time.Duration
}

func newSemaphore(next http.Handler) *semaphore {
	return &semaphore{next: next, slots: make(chan struct{}, atOnce), patience: patience}
}

// ServeHTTP answers a request when it is its turn, or with 503 if that takes too long.
func (s *semaphore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
		s.next.ServeHTTP(w, r)
	case <-r.Context().Done(): // nobody is there to be answered
	case <-timer.C:
		failure.Failure{
			Status: http.StatusServiceUnavailable, Name: "Request.Throttled", RetryAfter: s.patience,
			Message: fmt.Sprintf("%d requests are being answered, which is as many as serve answers at a time; ask again later", cap(s.slots)),
		}.Write(w)
	}
}

// readersListener accepts connections that are given up once the caller takes
// nothing of an answer for some time.
type readersListener struct {
	net.Listener
	stalled time.Duration
}

// Accept waits for the next connection.
func (l *readersListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &readerConn{Conn: c, stalled: l.stalled}, nil
}

// readerConn is a connection whose writes fail only if nothing was taken for some
// time. One deadline for a whole write would end callers who read slowly.
type readerConn struct {
	net.Conn
	stalled time.Duration

	mu  sync.Mutex
	end time.Time // the deadline that the server has set, zero for none
}

// Write writes p for as long as some of it is taken. It looks for room more often
// than it gives up: the system reports it only when a third of its buffer,
// megabytes perhaps, is free.
func (c *readerConn) Write(p []byte) (n int, err error) {
	for progress := time.Now(); ; {
		end, own := c.deadline()
		if err := c.Conn.SetWriteDeadline(end); err != nil {
			return n, err
		}
		some, err := c.Conn.Write(p[n:])
		if n += some; some > 0 {
			progress = time.Now()
		}
		if !own || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(progress) >= c.stalled {
			return n, err
		}
	}
}

// deadline is when to look for room again, and whether the server itself gives up
// no earlier.
func (c *readerConn) deadline() (end time.Time, own bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end = time.Now().Add(c.stalled / 10)
	if !c.end.IsZero() && c.end.Before(end) {
		return c.end, false
	}
	return end, true
}

// SetWriteDeadline sets when writes end whatever was taken, for TLS and the server.
func (c *readerConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.end = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline sets the deadline of reads, too.
func (c *readerConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite lets the server end its answer before it closes the connection.
func (c *readerConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
