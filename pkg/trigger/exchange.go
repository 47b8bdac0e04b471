package trigger

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// exchange is one event on its way through the handler: what is asked, who asks,
// and how the answer goes back. Each trigger makes its own.
type exchange struct {
	// request is what is asked, with the headers as they came.
	request *http.Request
	// problem says why the event cannot be asked as a request, "" if it can.
	problem string
	// prefix is the part of the caller's path that the request's has not.
	prefix string
	// plain is set where the caller came without TLS.
	plain bool
	// caller returns the name of the verified caller for the log, or an error that
	// says why there is none.
	caller func(ctx context.Context) (string, error)
	// began and patience say how long the trigger waits for a buffered answer;
	// no patience means as long as Lambda.
	began    time.Time
	patience time.Duration
	// limit is how many bytes the whole answer may have, and advice what to ask
	// for when it has more.
	limit  int
	advice string
	// bare is set where the body is the whole answer and not a string in it.
	bare bool
	// compressed is set where a compressed body finds its way to the caller.
	compressed bool
	// answer makes the trigger's response of the handler's.
	answer func(*recorder) (any, error)
	// stream makes the trigger's streamed response, nil where there is none.
	stream func(status int, header http.Header, body io.ReadCloser) any
}

const (
	// margin is what is kept of the time to write down why an invocation failed.
	// Lambda kills a function at its deadline without a word.
	margin = 400 * time.Millisecond
	// maxResponse is Lambda's limit for a buffered response, in bytes. API
	// Gateway's own 10 MB are never reached.
	maxResponse = 6 << 20
	// adviceHTTP is what to ask for instead of what is too large.
	adviceHTTP = "ask for fewer users with $top, for fewer columns with $select, or for $format=ndjson at an address that streams"
)

// Headers that tell the handler what the trigger knows. They are its alone: a
// caller's are dropped.
const (
	prefixHeader = "X-Forwarded-Prefix"
	userHeader   = "X-Forwarded-User"
	protoHeader  = "X-Forwarded-Proto"
)

// errorHeader is where the handler puts the public name of an error.
const errorHeader = "Rollcall-Error"

// serve takes an exchange through the handler.
func (l *Lambda) serve(ctx context.Context, x *exchange) (any, error) {
	streamed := l.Stream && x.stream != nil
	ctx, cancel := x.withDeadline(ctx, streamed)
	x.dress(streamed)
	handler := l.admit(ctx, x)
	if streamed {
		return l.serveStream(ctx, cancel, x, handler)
	}
	defer cancel()
	w := newRecorder(x)
	err := l.call(ctx, handler, w, x.request)
	switch {
	case w.full:
		w = newRecorder(x)
		refuse(w, http.StatusRequestEntityTooLarge, "Response.TooLarge", tooLarge(x.limit, x.advice).Error())
	case err != nil:
		return nil, err
	}
	w.WriteHeader(http.StatusOK) // where the handler said nothing, as net/http does
	return x.answer(w)
}

// withDeadline gives the handler until shortly before Lambda or the gateway
// stops waiting.
func (x *exchange) withDeadline(ctx context.Context, streamed bool) (context.Context, context.CancelFunc) {
	end, limited := ctx.Deadline()
	if x.patience > 0 && !streamed {
		began, now := x.began, time.Now()
		if began.After(now) || now.Sub(began) > x.patience {
			began = now // the clocks disagree, or the event is a recorded one
		}
		if gateway := began.Add(x.patience); !limited || gateway.Before(end) {
			end, limited = gateway, true
		}
	}
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-margin))
}

// dress puts into the request's headers what the trigger knows, and takes out
// what must not or cannot be honoured.
func (x *exchange) dress(streamed bool) {
	h := x.request.Header
	for _, name := range []string{prefixHeader, userHeader, protoHeader} {
		h.Del(name)
	}
	if x.prefix != "" {
		h.Set(prefixHeader, x.prefix)
	}
	if x.plain {
		h.Set(protoHeader, "http")
	}
	if streamed || !x.compressed {
		h.Del("Accept-Encoding")
	}
}

// admit returns the handler for whom it may serve, and else a refusal.
func (l *Lambda) admit(ctx context.Context, x *exchange) http.Handler {
	if x.problem != "" {
		return l.refusal(ctx, http.StatusBadRequest, "Request.Invalid", x.problem)
	}
	name, err := x.caller(ctx)
	switch {
	case err == nil && name != "":
		x.request.Header.Set(userHeader, name)
	case err != nil && !l.AllowAnonymous:
		return l.refusal(ctx, http.StatusUnauthorized, "Request.Unauthorized", err.Error())
	}
	return l.Handler
}

// refusal is a handler that refuses. The log says that, not with which words.
func (l *Lambda) refusal(ctx context.Context, status int, code, message string) http.Handler {
	if l.Log != nil {
		l.Log.WarnContext(ctx, "request refused", "status", status, "name", code)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code, message) })
}

// refuse answers without asking the handler, in the same envelope.
func refuse(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(map[string]map[string]string{"error": {"code": code, "message": message}})
	if err != nil {
		body = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(errorHeader, code)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
