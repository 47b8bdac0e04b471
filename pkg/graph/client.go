// Package graph reads users from Microsoft Graph v1.0: whole lists page by
// page, one page, one user, the count. It streams (no page is ever held in
// memory), requests the next page while the current one is still arriving,
// retries what is worth retrying, and sends the bearer token to the configured
// host and to no other. It does not decide whether a list is complete: its
// caller does.
//
// It imports neither configuration nor credentials; it is given a [TokenSource].
package graph

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// Config says how to reach Graph. BaseURL and Tokens are required; a zero
// value elsewhere means the default that the field's comment gives.
type Config struct {
	// BaseURL is the cloud's Graph root, such as https://graph.microsoft.com:
	// scheme https, a host, no path.
	BaseURL string
	// Tokens supplies the bearer token of every request.
	Tokens TokenSource
	// Transport sends the requests; it must not follow redirects.
	// Default: NewTransport().
	Transport http.RoundTripper
	// Log gets one line for each retry, token refresh and pause. It never gets
	// a URL, a token or a person. Default: nothing is logged.
	Log *slog.Logger

	// Grant, if set, says how the app gets an application permission of Graph, such as
	// User.Read.All, where a request was refused for want of it: what to do, or "" for what
	// is common to all apps.
	Grant func(permission string) string

	// OnPause, if set, is called before each wait: for another attempt, for a quota,
	// for an answer that is late. It may be called by several goroutines at once.
	OnPause func(retry.Pause)
	// Impatient makes a host that cannot be reached an error after two attempts,
	// unless it has answered before: somebody waits, who can correct the address.
	Impatient bool

	// HeaderTimeout limits the wait for the first byte of a response. Default 100 s,
	// which is longer than Graph's own gateway waits.
	HeaderTimeout time.Duration
	// IdleTimeout limits one blocked read of a body; over the same time of blocked
	// reads a body has to come at 1 KiB a second. Time that the reader of the list
	// takes between reads does not count. Default 30 s.
	IdleTimeout time.Duration
	// Attempts is how often one request is tried in all. Default 10, the bound
	// of the Graph SDKs' retry handler.
	Attempts int
	// MaxWait is the longest Retry-After that is waited for; a longer one is an
	// error that carries it. Default 5 min.
	MaxWait time.Duration
}

// Client reads from one Graph host. It is safe for concurrent use.
type Client struct {
	origin    origin.Origin // the only one that is sent the token
	base      *url.URL
	tokens    TokenSource
	transport http.RoundTripper
	log       *slog.Logger
	governor  governor
	policy    retry.Policy
	onPause   func(retry.Pause)
	// pauseLevel is the level of the log lines about pauses: somebody who is shown them
	// does not need a warning as well.
	pauseLevel slog.Level
	impatient  bool
	known      atomic.Bool // the host has answered as Graph does
	refused    refusals
	grant      func(permission string) string

	headerTimeout, idleTimeout time.Duration
}

// New checks the configuration and returns a client. It makes no request.
func New(cfg Config) (*Client, error) {
	host, err := origin.Parse(cfg.BaseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("graph: the base URL %w; it has the form https://host[:port]", err)
	case cfg.Tokens == nil:
		return nil, errors.New("graph: the configuration has no token source")
	}
	c := &Client{
		origin:    host,
		base:      &url.URL{Scheme: "https", Host: host.Host()},
		tokens:    cfg.Tokens,
		transport: cfg.Transport,
		log:       cfg.Log,
		onPause:   cfg.OnPause,
		impatient: cfg.Impatient,
		grant:     cfg.Grant,
		policy: retry.Policy{
			Attempts: orDefault(cfg.Attempts, 10),
			First:    500 * time.Millisecond,
			Last:     30 * time.Second,
			MaxWait:  orDefault(cfg.MaxWait, 5*time.Minute),
		},
		headerTimeout: orDefault(cfg.HeaderTimeout, 100*time.Second),
		idleTimeout:   orDefault(cfg.IdleTimeout, 30*time.Second),
	}
	if c.transport == nil {
		c.transport = NewTransport()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.grant == nil {
		c.grant = func(string) string { return "" }
	}
	c.pauseLevel = slog.LevelInfo
	if c.onPause == nil {
		c.onPause, c.pauseLevel = func(retry.Pause) {}, slog.LevelWarn
	}
	return c, nil
}

func orDefault[T int | time.Duration](v, fallback T) T {
	if v <= 0 {
		return fallback
	}
	return v
}
