// Package webhook is where automation starts the jobs: Graph, which notifies of changes,
// and whoever has the key of a hook. It checks what comes, puts a message into the queue
// of the change feed or starts the state machine of snapshots, and answers. It reads
// nobody and holds no credential of Graph.
//
// # Nothing is swallowed
//
// However many notifications come, a tenant has one message in each [bucket] of 30 seconds:
// the message's deduplication id is that of the bucket, so the queue drops the others. The
// queue hands a message over after a delay of 45 seconds. So whatever was notified within
// the bucket had happened when the message is handed over, 15 seconds later at least, which
// the clocks of several instances may differ by; and a change that comes while the feed
// reads has a message of a later bucket, which a FIFO queue keeps until the feed has ended.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// The paths that are answered.
const (
	NotificationsPath = "/notifications"
	RunPath           = "/run"
)

const (
	// bucket is the time in which a tenant has one message.
	bucket = 30 * time.Second
	// maxBody is the size of a body that is read.
	maxBody = 1 << 20
	// timeLimit is how long the jobs may take to be started: Graph waits three seconds
	// before it calls a webhook slow, and ten before it gives up.
	timeLimit = 8 * time.Second
)

// Sender takes messages: the queue of the change feed, whose groups are the subjects of
// the entries, or the state machine of snapshots, which starts once for each id.
type Sender interface {
	// Send returns what of the entries was not taken; an error means all of them.
	Send(ctx context.Context, entries []bus.Entry) ([]bus.Failure, error)
}

// Config is what a webhook needs.
type Config struct {
	// Changes is the queue of the change feed.
	Changes Sender
	// Snapshots is the state machine of snapshots, nil if hooks cannot start it.
	Snapshots Sender
	// Deferred says that what is sent is written only after the answer, so that nobody here
	// learns whether it was: what comes again is sent again.
	Deferred bool
	// Secret is the secret of ROLLCALL_WEBHOOK_SECRET.
	Secret *secret.Cache[*secret.Webhook]
	Log    *slog.Logger
}

// Webhook answers notifications and hooks.
type Webhook struct {
	Config

	mu   sync.Mutex
	sent map[string]time.Time // what the queue has acknowledged, by the message's id
}

// New returns the webhook of c. It makes no request.
func New(c Config) *Webhook { return &Webhook{Config: c, sent: map[string]time.Time{}} }

// ServeHTTP answers a request. Errors are written in the envelope of Graph.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = correlation.Begin(w, r)
	ctx, cancel := context.WithTimeout(r.Context(), timeLimit)
	defer cancel()
	r = r.WithContext(ctx)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if err := h.answer(w, r); err != nil {
		h.refuse(ctx, w, err)
	}
}

// answer finds out what a request is.
func (h *Webhook) answer(w http.ResponseWriter, r *http.Request) error {
	switch {
	case r.URL.Path != NotificationsPath && r.URL.Path != RunPath:
		return &refusal{http.StatusNotFound, "Request.Invalid", "nothing is served at this path; POST to " + NotificationsPath + " or " + RunPath}
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return &refusal{http.StatusMethodNotAllowed, "Request.Invalid", "this path takes POST alone"}
	case r.URL.Path == RunPath:
		return h.run(w, r)
	case r.URL.Query().Has("validationToken"):
		return validate(w, r)
	}
	return h.notifications(w, r)
}

// refusal is a request that is not taken.
type refusal struct {
	status int
	name   string
	text   string
}

func (e *refusal) Error() string { return e.text }
func (e *refusal) Name() string  { return e.name }

func invalid(text string) error {
	return &refusal{http.StatusBadRequest, "Request.Invalid", text}
}

func unauthorized(text string) error {
	return &refusal{http.StatusUnauthorized, "Request.Unauthorized", text}
}

// refuse answers with an error. What was sent is neither logged nor quoted.
func (h *Webhook) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	f := failure.Of(err)
	var refused *refusal
	if errors.As(err, &refused) {
		f.Status = refused.status
		h.Log.WarnContext(ctx, "request refused", "status", f.Status, "name", f.Name, "reason", refused.text)
	} else {
		h.Log.ErrorContext(ctx, "request failed", "name", f.Name, "error", err)
		// Whoever sent it shall send it again, and need not know what is wrong here.
		f = failure.Failure{Name: f.Name, Status: http.StatusServiceUnavailable, Message: "what was sent could not be taken; send it again later", RetryAfter: 30 * time.Second}
	}
	f.Write(w)
}

// body reads a body of JSON.
func body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "Request.Invalid", "the body is not application/json"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, &refusal{http.StatusRequestEntityTooLarge, "Request.Invalid", fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	case err != nil:
		return nil, invalid("the body breaks off")
	}
	return text, nil
}

// trusted reports whether match finds what it looks for in the secret. Where it does not
// the secret may have been rotated, and is read again, though not as often as forged
// requests come. If it cannot be read nobody knows, which is an error: a notification
// that is true shall come again.
func (h *Webhook) trusted(ctx context.Context, match func(*secret.Webhook) bool) (bool, error) {
	kept, err := h.Secret.Get(ctx)
	if err != nil {
		return false, err
	}
	if match(kept) {
		return true, nil
	}
	if kept, err = h.Secret.Recheck(ctx); err != nil {
		return false, err
	}
	return match(kept), nil
}
