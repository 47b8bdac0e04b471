package graph

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// NewTransport returns the transport that this package is tuned for. It keeps
// the standard proxy and certificate variables (HTTPS_PROXY, SSL_CERT_FILE).
//
// HTTP/1.1: two connections take turns, so that a page which stalls cannot
// delay the next one and a fresh connection after a 503 is simply a new one.
// No compression: the transfer hides behind the next request, so inflating it
// would only cost CPU.
func NewTransport() *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           &protocols,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64, // two for each of the most partitions that a list is read in
		IdleConnTimeout:     90 * time.Second,

		MaxResponseHeaderBytes: 256 << 10,
	}
}

// closeIdle closes the connections that wait for reuse, if the transport has any.
func (c *Client) closeIdle() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

var (
	errSilent  = errors.New("no response arrived within the time limit")
	errStalled = errors.New("the response stalled")
	// errTrickled is for a body that never stalls and would take hours.
	errTrickled = errors.New("the response comes too slowly, at less than 1 KiB a second")
)

// minSpeed is how many bytes of a body have to come in a second.
const minSpeed = 1 << 10

// idleBody ends a response whose body stalls, or comes slower than minSpeed over the
// same time. The limits run only while a Read blocks: a reader of the list may take
// its time between reads.
type idleBody struct {
	body   io.ReadCloser
	ctx    context.Context // of the exchange; its cause is the reason for its end
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer

	// The reads of the present window, which ends once they have blocked for limit.
	blocked time.Duration
	got     int
}

func newIdleBody(ctx context.Context, body io.ReadCloser, limit time.Duration, cancel context.CancelCauseFunc) *idleBody {
	b := &idleBody{body: body, ctx: ctx, cancel: cancel, limit: limit}
	b.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	b.timer.Stop()
	return b
}

// Read reads what has arrived. An error other than io.EOF is the reason for the
// end: the stall limit, the caller's cancellation or a broken connection.
func (b *idleBody) Read(p []byte) (int, error) {
	began := time.Now()
	b.timer.Reset(b.limit)
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.got += n
	if b.blocked += time.Since(began); b.blocked >= b.limit && err == nil {
		if float64(b.got) < minSpeed*b.blocked.Seconds() {
			b.cancel(errTrickled)
			return 0, errTrickled // a reader may ignore an error that comes with bytes
		}
		b.blocked, b.got = 0, 0
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

// Close ends the exchange. The connection is kept only if the body was read
// to its end.
func (b *idleBody) Close() error {
	b.timer.Stop()
	err := b.body.Close()
	b.cancel(nil)
	return err
}

// presentable returns what may be shown of a broken exchange. Package net/http
// quotes the bytes that it does not understand, and those may be of users; so
// only errors of known kinds keep their text.
func presentable(err error) error {
	var (
		size   *sizeError
		record tls.RecordHeaderError
		alert  tls.AlertError
		errno  syscall.Errno
	)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection ended early")
	case diagnosis.OfConnection(err) != diagnosis.None, errors.As(err, &record), errors.As(err, &alert), errors.As(err, &errno), errors.As(err, &size),
		errors.Is(err, errSilent), errors.Is(err, errStalled), errors.Is(err, errTrickled), errors.Is(err, http.ErrSchemeMismatch):
		return err
	}
	return errors.New("the connection broke, or what came over it is not HTTP")
}
