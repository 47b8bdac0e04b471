package https

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Target is the address of a webhook. Its path and query may contain a token, so
// String shows the host alone.
type Target struct {
	url *url.URL
}

var (
	errTarget   = errors.New("a webhook is given by its URL, https://host[:port]/path")
	errFragment = errors.New("a webhook's URL has no fragment (#...)")
	errUser     = errors.New("a webhook's URL has no user and password: its messages are signed")
)

// Parse reads a webhook's URL: https, with a host, without user information and
// fragment.
func Parse(address string) (Config, error) {
	// The error of url.Parse quotes the address.
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "https", u.Hostname() == "":
		return Config{}, errTarget
	case u.User != nil:
		return Config{}, errUser
	case u.Fragment != "":
		return Config{}, errFragment
	}
	return Config{Target: Target{url: u}}, nil
}

// String returns https://host[:port].
func (t Target) String() string {
	if t.url == nil {
		return "https"
	}
	return "https://" + t.url.Host
}

// GoString keeps %#v from telling more than String.
func (t Target) GoString() string { return t.String() }

// private returns why the host can be seen not to be public without resolving
// it, "" when it cannot.
func (t Target) private() string {
	host := strings.ToLower(strings.TrimSuffix(t.url.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return "it is this machine"
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return notPublic(addr)
	}
	return ""
}
