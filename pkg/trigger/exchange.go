// Package trigger is what every host of a function shares: an HTTP request on its
// way to the handler and back, with its verified caller, its limits and its
// deadline; and a job with an input and a result. Each host has a package below,
// which knows its events. This package knows no cloud.
package trigger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Exchange is an event that is an HTTP request: what is asked, who asks, and what
// the host takes for an answer.
type Exchange struct {
	// Request is what is asked, with the headers and the body as they came.
	Request *http.Request
	// Problem says why the event is not a proper request, "" if it is.
	Problem string
	// HealthCheck is set where the host only asks whether the function works. The answer
	// is an empty 200, for which no caller is needed and the handler is not called.
	HealthCheck bool
	// Prefix is the part of the caller's path that Request lacks.
	Prefix string
	// PlainHTTP is set where the caller came without TLS.
	PlainHTTP bool
	// Caller returns the name of the verified caller for the log, "" for one
	// without a name that is fit for it, or an error that says why nobody is
	// verified.
	Caller func(ctx context.Context) (string, error)
	// Began and Timeout say how long the host waits for the answer; without a
	// Timeout, until the deadline of the context.
	Began   time.Time
	Timeout time.Duration
	// Limit is how large the answer may be.
	Limit Limit
	// Raw is set where the body is the whole answer, and not a JSON string in it.
	Raw bool
	// Compressed is set where a compressed body reaches the caller: elsewhere the
	// handler does not see what the caller would accept.
	Compressed bool
}

// NewRequest makes a request with a body, which may be encoded in base64. One that is
// not what it says breaks off where it is read.
func NewRequest(method, host string, u *url.URL, h http.Header, body string, encoded bool) *http.Request {
	r := &http.Request{
		Method: method, Host: host, URL: u, Header: h, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	switch {
	case body == "":
	case encoded:
		r.Body, r.ContentLength = io.NopCloser(base64.NewDecoder(base64.StdEncoding, strings.NewReader(body))), -1
	default:
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return r
}

// Limit is how large an answer may be.
type Limit struct {
	Bytes int
	// Name is the limit as callers read it, such as "6 MB".
	Name string
	// Advice is what to ask for instead of what is too large.
	Advice string
}

// tooLargeError is an answer beyond the limit of its host.
type tooLargeError struct {
	limit Limit
	plain bool // it was not compressed, and could have been
}

// tooLarge is the error of an answer with these headers that is too large.
func (x *Exchange) tooLarge(h http.Header) error {
	return &tooLargeError{x.Limit, x.Compressed && h.Get("Content-Encoding") == ""}
}

// Error says how large an answer may be and what to ask for instead.
func (e *tooLargeError) Error() string {
	advice := e.limit.Advice
	if e.plain {
		advice = "send Accept-Encoding: gzip, " + advice
	}
	return fmt.Sprintf("the answer is larger than the %s that can be returned this way; %s", e.limit.Name, advice)
}

// Name returns the public name of the error.
func (e *tooLargeError) Name() string { return "Response.TooLarge" }

// margin is kept of the time that a host gives, to say why a request failed:
// Lambda kills a function at its deadline without a word.
const margin = 400 * time.Millisecond

// Server answers exchanges with an http.Handler.
type Server struct {
	// Handler answers every request. Whatever the caller sent under these names,
	// the request's headers are: X-Forwarded-Prefix, the part of the caller's path
	// that was taken off; X-Forwarded-User, the verified caller, for the log;
	// X-Forwarded-Proto, http where the caller came without TLS.
	Handler http.Handler
	// AllowAnonymous answers requests that carry no verified caller.
	AllowAnonymous bool
	// Log, if set, gets a line when a request is refused, and when the handler
	// panics: where, but not with what.
	Log *slog.Logger
	// Meter, if set, publishes the figures of each request that the handler answers.
	Meter *Meter
}

// Buffered answers an exchange with a whole response. An answer beyond the limit
// becomes a 413. An error means that the handler panicked: Snapshot.Incomplete
// where it aborted its answer, Internal.Error otherwise.
func (s *Server) Buffered(ctx context.Context, x *Exchange) (*Response, error) {
	ctx, cancel := x.withDeadline(correlation.With(ctx, x.Request.Header))
	defer cancel()
	w := newRecorder(x)
	err := s.call(ctx, s.admit(ctx, x), w, x.Request)
	switch {
	case w.full:
		refusal := x.tooLarge(w.header)
		w = newRecorder(x)
		correlation.Begin(w, x.Request.WithContext(ctx))
		failure.Of(refusal).Write(w)
	case err != nil:
		return nil, err
	}
	w.WriteHeader(http.StatusOK) // unless the handler has set a status, as in net/http
	return &Response{Status: w.status, Header: w.header, Body: w.body.Bytes(), encoded: w.encoded}, nil
}

// Serve answers an exchange on a connection of net/http. Where the handler breaks off, so
// does the connection, unless nothing was sent yet: then the answer says why.
func (s *Server) Serve(ctx context.Context, w http.ResponseWriter, x *Exchange) {
	ctx, cancel := x.withDeadline(correlation.With(ctx, x.Request.Header))
	defer cancel()
	begun := &beginning{ResponseWriter: w}
	switch err := s.call(ctx, s.admit(ctx, x), begun, x.Request); {
	case err == nil:
	case begun.begun || failure.Of(err).Name != failure.Internal:
		panic(http.ErrAbortHandler)
	default:
		clear(w.Header())
		correlation.Begin(w, x.Request.WithContext(ctx))
		failure.Of(err).Write(w)
	}
}

// beginning notices when an answer begins.
type beginning struct {
	http.ResponseWriter
	begun  bool
	status int
}

func (b *beginning) WriteHeader(status int) {
	if !b.begun && status >= http.StatusOK {
		b.begun, b.status = true, status
	}
	b.ResponseWriter.WriteHeader(status)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.begun = true
	return b.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer below.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// call runs the handler. A panic, which would end the process, becomes an error.
func (s *Server) call(ctx context.Context, handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	ctx, span := telemetry.StartInvocation(ctx, r.Method, r.Header)
	defer func() {
		span.Set(slog.String("http.request.method", r.Method), slog.Int("http.response.status_code", statusOf(w)))
		span.End(err)
		telemetry.FlushSpans(ctx)
	}()
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if cause, ok := reason.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
			// The handler has logged why, and aborts what it cannot take back.
			err = &failure.Named{Public: "Snapshot.Incomplete", Text: "the answer broke off before it was complete"}
			return
		}
		err = crash.New(reason)
		if s.Log != nil {
			s.Log.ErrorContext(ctx, "the handler panicked", "error", err)
		}
	}()
	handler.ServeHTTP(w, r.WithContext(ctx))
	return nil
}

// statusOf is the status of an answer, 0 where none was set.
func statusOf(w http.ResponseWriter) int {
	switch w := w.(type) {
	case *recorder:
		return w.status
	case *streamWriter:
		return w.status
	case *beginning:
		return w.status
	}
	return 0
}

// ask has the handler answer, and measures that.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	_ = s.Meter.Measure(r.Context(), func(ctx context.Context) error {
		s.Handler.ServeHTTP(w, r.WithContext(ctx))
		return nil
	})
}

// withDeadline gives the handler until shortly before the host stops waiting.
func (x *Exchange) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	end, limited := ctx.Deadline()
	if x.Timeout > 0 {
		began, now := x.Began, time.Now()
		if began.After(now) || now.Sub(began) > x.Timeout {
			began = now // the clocks disagree, or the event is a recorded one
		}
		if own := began.Add(x.Timeout); !limited || own.Before(end) {
			end, limited = own, true
		}
	}
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-margin))
}

// admit sets the headers that only a host may set, and returns the handler, or one
// that refuses a request that is not understood or whose caller is not verified.
func (s *Server) admit(ctx context.Context, x *Exchange) http.Handler {
	h := x.Request.Header
	for _, name := range []string{header.Prefix, header.User, header.Proto} {
		h.Del(name)
	}
	if x.Prefix != "" {
		h.Set(header.Prefix, x.Prefix)
	}
	if x.PlainHTTP {
		h.Set(header.Proto, "http")
	}
	if !x.Compressed {
		h.Del("Accept-Encoding")
	}
	if x.HealthCheck {
		return http.HandlerFunc(healthy)
	}
	if x.Problem != "" {
		return s.refusal(ctx, "Request.Invalid", x.Problem)
	}
	name, err := x.Caller(ctx)
	switch {
	case err == nil && name != "":
		h.Set(header.User, name)
	case err != nil && !s.AllowAnonymous:
		return s.refusal(ctx, "Request.Unauthorized", err.Error())
	}
	return http.HandlerFunc(s.ask)
}

func healthy(w http.ResponseWriter, r *http.Request) {
	correlation.Begin(w, r)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain")
}

// refusal is a handler that refuses. The log names the reason without its text.
func (s *Server) refusal(ctx context.Context, name, text string) http.Handler {
	f := failure.Of(&failure.Named{Public: name, Text: text})
	if s.Log != nil {
		s.Log.WarnContext(ctx, "request refused", "status", f.Status, "name", name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		correlation.Begin(w, r)
		if f.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		f.Write(w)
	})
}
