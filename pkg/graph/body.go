package graph

import (
	"context"
	"errors"
	"io"
	"time"
)

// idleBody ends a response whose body stands still. The limit runs only while
// a Read blocks: a reader of the list may take its time between reads.
type idleBody struct {
	body   io.ReadCloser
	ctx    context.Context // of the exchange; its cause tells who ended it
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

func newIdleBody(ctx context.Context, body io.ReadCloser, limit time.Duration, cancel context.CancelCauseFunc) *idleBody {
	b := &idleBody{body: body, ctx: ctx, cancel: cancel, limit: limit}
	b.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	b.timer.Stop()
	return b
}

// Read reads what has arrived. An error other than io.EOF is the cause of the
// end: the stall limit, the caller's cancellation or the connection's fault.
func (b *idleBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.limit)
	n, err := b.body.Read(p)
	b.timer.Stop()
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
