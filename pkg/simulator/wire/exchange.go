// Package wire carries a request to a simulated tenant and the answer back: with
// or without a socket, at a limited speed, broken off where a fault demands it,
// and recorded in a journal. It knows nothing of Graph or of tokens.
package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Exchange is one request and its answer.
type Exchange struct {
	W http.ResponseWriter
	R *http.Request
	// RequestID is the answer's request-id.
	RequestID string
	// Rate is how many bytes of the body are sent in a second; 0 is unlimited.
	Rate int
	// Patience is how long a stalled connection stays open; 0 is without end.
	Patience time.Duration

	journal *Journal
	entry   *Request
}

// Part returns an exchange for one request of a batch: it has the batch's
// request-id, is sent without delay, and is not in the journal.
func (x *Exchange) Part(w http.ResponseWriter, r *http.Request) *Exchange {
	return &Exchange{W: w, R: r, RequestID: x.RequestID, journal: x.journal, entry: &Request{}}
}

// Sleep waits, or returns false when the client has gone.
func (x *Exchange) Sleep(d time.Duration) bool {
	if d <= 0 {
		return x.R.Context().Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.R.Context().Done():
		return false
	}
}

// Stall waits until the client gives up, or the connection is reset.
func (x *Exchange) Stall() {
	if x.Patience == 0 {
		<-x.R.Context().Done()
	} else if x.Sleep(x.Patience) {
		x.Reset(syscall.ECONNRESET)
	}
}

// Base is the address by which the client came, without a path.
func (x *Exchange) Base() string { return "https://" + x.R.Host }

// ClientRequestID is the client's own id of the request, or else RequestID.
func (x *Exchange) ClientRequestID() string {
	if id := x.R.Header.Get("Client-Request-Id"); id != "" {
		return id
	}
	return x.RequestID
}

// Head sends the status and headers.
func (x *Exchange) Head(status int, contentType string) {
	if contentType != "" {
		x.W.Header().Set("Content-Type", contentType)
	}
	x.Note(func(e *Request) { e.Status, e.FirstByte, e.LastByte = status, time.Now(), time.Now() })
	x.W.WriteHeader(status)
}

// Write sends a part of the body at once, at the exchange's rate. It is false
// when the client has gone.
func (x *Exchange) Write(b []byte) bool {
	for len(b) > 0 {
		part := b
		if x.Rate > 0 {
			part = b[:min(len(b), max(1, x.Rate/20))]
			if !x.Sleep(time.Duration(float64(len(part)) / float64(x.Rate) * float64(time.Second))) {
				return false
			}
		}
		n, err := x.W.Write(part)
		x.Note(func(e *Request) {
			e.Bytes += int64(n)
			e.LastByte = time.Now()
		})
		if err != nil {
			return false
		}
		b = b[n:]
	}
	return http.NewResponseController(x.W).Flush() == nil
}

// breaker is a response writer that can break its connection, as the in-memory
// transport's can.
type breaker interface{ breakConnection(err error) }

// Reset breaks the connection so that the client reads the error. A real
// connection cannot say which; there the client sees a reset or an early end.
func (x *Exchange) Reset(err error) {
	if b, ok := x.W.(breaker); ok {
		b.breakConnection(err)
		return
	}
	control := http.NewResponseController(x.W)
	conn, _, hijackErr := control.Hijack()
	if hijackErr == nil {
		if errors.Is(err, syscall.ECONNRESET) {
			disableLinger(conn)
		}
		_ = conn.Close()
		return
	}
	// HTTP/2 cannot hijack its connection; a deadline in the past makes the
	// server reset the stream.
	_ = control.SetWriteDeadline(time.Unix(1, 0))
	_, _ = x.W.Write([]byte{' '})
	_ = control.Flush()
}

// disableLinger makes the next Close of a TCP connection a reset.
func disableLinger(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// Quote returns a JSON string in which only that is escaped that must be, as
// Microsoft's services do.
func Quote(s string) string {
	b := []byte{'"'}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
