package https

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/origin"
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
	if err != nil {
		return Config{}, errTarget
	}
	at, err := origin.Of(u)
	switch {
	case errors.Is(err, origin.ErrScheme), errors.Is(err, origin.ErrNone):
		return Config{}, errTarget
	case errors.Is(err, origin.ErrUser):
		return Config{}, errUser
	case err != nil:
		return Config{}, fmt.Errorf("a webhook's URL %w", err)
	case u.Fragment != "":
		return Config{}, errFragment
	}
	u.Host = at.Host()
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
	host := t.url.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return "it is this machine"
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return notPublic(addr)
	}
	return ""
}
