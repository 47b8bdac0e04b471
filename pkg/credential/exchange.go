package credential

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

const (
	// maxAnswer bounds what an issuer of tokens may send in one answer, in bytes. The
	// largest, the OpenID configuration, is about 2 KiB.
	maxAnswer = 1 << 20
	// longestPause is the longest pause that an answer may ask for, as in MSAL.
	longestPause = time.Hour
)

var (
	errOtherHost error = otherHost{}
	errTooLarge        = errors.New("the answer is too large")
)

type otherHost struct{}

func (otherHost) Error() string { return "another host than the configured one is named" }

// NonRetriable keeps azcore from sending the request once more.
func (otherHost) NonRetriable() {}

// exchange is the outcome of the last request of one attempt.
type exchange struct {
	host       string // that was asked
	status     int
	html       bool // whether the answer is HTML, which no issuer of tokens sends
	retryAfter time.Duration
	refusal    refusal
	err        error
	foreign    *cloud.ForeignError // the host of another cloud that was named instead
	unproven   error               // why there was no client assertion to send
	ahead      time.Duration       // how far the clock of this machine is ahead of the host's
}

// succeeded reports whether the answer has the status of one that gives what was
// asked for.
func (x *exchange) succeeded() bool {
	return x.status == http.StatusOK || x.status == http.StatusCreated
}

type exchangeKey struct{}

func withExchange(ctx context.Context) (context.Context, *exchange) {
	x := &exchange{}
	return context.WithValue(ctx, exchangeKey{}, x), x
}

// exchangeOf returns the exchange of a request's context, empty.
func exchangeOf(req *http.Request) *exchange {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{}
	}
	*x = exchange{}
	return x
}

// failed records why there was no answer.
func (x *exchange) failed(err error) error {
	x.err = err
	return err
}

// send sends the request, reads the answer whole and records it, because azidentity's
// errors keep neither the cause nor, safely, the text. It follows no redirect.
func (x *exchange) send(req *http.Request, transport http.RoundTripper) (*http.Response, error) {
	_, span := telemetry.StartCall(req.Context(), "sign in", slog.String("http.request.method", req.Method), slog.String("server.address", req.URL.Hostname()))
	resp, err := x.receive(req, transport)
	span.Set(slog.Int("http.response.status_code", x.status))
	span.End(err)
	return resp, err
}

func (x *exchange) receive(req *http.Request, transport http.RoundTripper) (*http.Response, error) {
	x.host = req.URL.Host
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, x.failed(err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	if err == nil && len(body) > maxAnswer {
		err = errTooLarge
	}
	if err != nil {
		return nil, x.failed(err)
	}
	x.status, x.html = resp.StatusCode, isHTML(resp.Header, body)
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		x.ahead = time.Since(at)
	}
	if !x.succeeded() {
		x.retryAfter = min(retry.After(resp.Header, time.Now()), longestPause)
		x.refusal = parseRefusal(body)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// isHTML reports whether an answer is a page for a browser: a proxy's or a gateway's.
func isHTML(header http.Header, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html" || kind == "application/xhtml+xml" || bytes.HasPrefix(secret.UTF8(body), []byte("<"))
}

// refusal is what is kept of an error answer of the token service: codes and ids.
// error_description is never read; it repeats parts of the request.
type refusal struct {
	Error         string
	Codes         []int
	TraceID       string
	CorrelationID string
}

// parseRefusal reads an error body; anything else (a gateway's HTML) gives zero. A
// member of another type than Entra's does not take the others with it.
func parseRefusal(body []byte) refusal {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return refusal{}
	}
	text := func(name string) (s string) {
		_ = json.Unmarshal(members[name], &s)
		return diagnosis.Token(s)
	}
	var codes []json.RawMessage
	_ = json.Unmarshal(members["error_codes"], &codes)
	r := refusal{Error: text("error"), TraceID: text("trace_id"), CorrelationID: text("correlation_id")}
	for _, code := range codes {
		if n, err := strconv.Atoi(strings.Trim(string(code), `"`)); err == nil && n > 0 {
			r.Codes = append(r.Codes, n)
		}
	}
	return r
}

// code returns the code to act on: the first that is known, else the first.
func (r refusal) code() int {
	for _, code := range r.Codes {
		if _, known := adviceFor(code); known {
			return code
		}
	}
	if len(r.Codes) > 0 {
		return r.Codes[0]
	}
	return 0
}
