// Package https posts events to a webhook, signed as Standard Webhooks says
// (https://www.standardwebhooks.com): the body is the CloudEvent in structured
// mode, webhook-id the event's id, which is the same each time it is sent.
//
// It follows no redirect, and checks the address it connects to after the name was
// resolved: only public ones are dialled unless Config.AllowPrivate is set. Where
// HTTPS_PROXY names a proxy for the target, the proxy resolves and connects: the
// address cannot be seen, the proxy's rules decide, and only a host that is plainly
// not public (an address, localhost) is refused here.
package https

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// Config says where to post and how. It prints as its target.
type Config struct {
	// Target is the webhook.
	Target Target
	// Keys sign each message; at least one. While a key is rotated there are two.
	Keys []signature.Key
	// Batch is how many events are posted in one request, as a JSON array
	// (application/cloudevents-batch+json). webhook-id is then a hash of their ids.
	// Default 0: single events, not in an array.
	Batch int `option:"batch"`
	// AllowPrivate allows targets that are not public: in the sender's own network.
	AllowPrivate bool `option:"private=allow"`
	// MaxBytes bounds a body. Default 1 MiB.
	MaxBytes int `option:"max-bytes"`
	// RootCAs are the authorities to trust. Default: the system's.
	RootCAs *x509.CertPool
	// Proxy chooses the proxy. Default http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
	// Transport replaces the connection to the target, and with it the check of
	// the address: for tests.
	Transport http.RoundTripper
}

// String names the target's host.
func (c Config) String() string { return c.Target.String() }

const defaultBytes = 1 << 20

// Driver posts to one webhook.
type Driver struct {
	target Target
	keys   []signature.Key
	batch  int
	bytes  int
	client *http.Client
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver. It makes no connection. The error says what about the
// configuration cannot be.
func New(cfg Config) (*Driver, error) {
	switch {
	case cfg.Target.url == nil:
		return nil, errTarget
	case len(cfg.Keys) == 0:
		return nil, errors.New("a webhook needs a key to sign with")
	}
	if slices.ContainsFunc(cfg.Keys, signature.Key.IsZero) {
		return nil, signature.ErrKey
	}
	if why := cfg.Target.private(); why != "" && !cfg.AllowPrivate {
		return nil, &addressError{why: why}
	}
	d := &Driver{
		target: cfg.Target, keys: cfg.Keys, batch: cfg.Batch, bytes: cmp.Or(cfg.MaxBytes, defaultBytes),
	}
	transport := cfg.Transport
	if transport == nil {
		var err error
		if transport, err = newTransport(cfg); err != nil {
			return nil, err
		}
	}
	d.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d, nil
}

// newTransport decides once whether there is a proxy, since the target is always
// the same.
func newTransport(cfg Config) (*http.Transport, error) {
	choose := cfg.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	proxy, err := choose(&http.Request{URL: cfg.Target.url})
	if err != nil {
		// The error's text may quote the proxy's password.
		return nil, errors.New("the proxy's address cannot be read: check HTTPS_PROXY")
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if proxy == nil && !cfg.AllowPrivate {
		dialer.Control = onlyPublic
	}
	// HTTP/1.1: a connection for each request under way, so that one that breaks
	// costs one request.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout:    10 * time.Second,
		Protocols:              &protocols,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return t, nil
}

// String names the target's host.
func (d *Driver) String() string { return "webhook " + d.target.String() }

// brackets are the bytes of a batch around its entries, one of which brings no
// comma.
const brackets = len("[]") - len(",")

// Limits are those of Config: one event a request unless they go in batches.
func (d *Driver) Limits() bus.Limits {
	limits := bus.Limits{Entries: max(d.batch, 1), Bytes: d.bytes, EntryBytes: d.bytes}
	if d.batch > 0 {
		limits.Bytes -= brackets
		limits.EntryBytes -= brackets
	}
	return limits
}

// Append appends the body, or its part of a batch's, whose comma counts.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendJSON(dst)
	size := len(dst) - start
	if d.batch > 0 {
		size++
	}
	return dst, size, nil
}
