package https

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// Target is the address of a webhook. Its path and query may hold a token, so
// String tells the host alone.
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

// special are the blocks that are not public hosts, other than those that
// netip.Addr knows by itself: IANA's registries of special-purpose addresses
// (RFC 6890 and those after it), and one of Azure's.
func special() map[string]string {
	return map[string]string{
		"0.0.0.0/8":        "this network",
		"100.64.0.0/10":    "a carrier's shared network",
		"168.63.129.16/32": "the Azure host",
		"192.0.0.0/24":     "reserved for protocols",
		"192.0.2.0/24":     "reserved for documentation",
		"192.88.99.0/24":   "a 6to4 relay",
		"198.18.0.0/15":    "reserved for benchmarks",
		"198.51.100.0/24":  "reserved for documentation",
		"203.0.113.0/24":   "reserved for documentation",
		"240.0.0.0/4":      "reserved",
		"2001::/23":        "reserved for protocols, Teredo among them",
		"2001:db8::/32":    "reserved for documentation",
		"2002::/16":        "IPv4 by 6to4",
		"3fff::/20":        "reserved for documentation",
	}
}

// nat64 is where a network without IPv4 reaches it (RFC 6052).
const nat64 = "64:ff9b::/96"

// notPublic returns why an address is not one of a public host, "" when it is.
// Where an IPv6 address leads to an IPv4 address, that one is judged.
func notPublic(addr netip.Addr) string {
	if addr.Zone() != "" {
		return "it is link-local"
	}
	addr = addr.Unmap()
	if netip.MustParsePrefix(nat64).Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	switch {
	case addr.IsUnspecified():
		return "it is unspecified"
	case addr.IsLoopback():
		return "it is loopback"
	case addr.IsPrivate():
		return "it is private"
	case addr.IsLinkLocalUnicast(), addr.IsLinkLocalMulticast(), addr.IsInterfaceLocalMulticast():
		return "it is link-local"
	case addr.IsMulticast():
		return "it is multicast"
	case addr.Is6() && !netip.MustParsePrefix("2000::/3").Contains(addr):
		return "it is not of the addresses that public hosts have"
	}
	for block, what := range special() {
		if netip.MustParsePrefix(block).Contains(addr) {
			return "it is " + what
		}
	}
	return ""
}

// addressError is a target whose host turned out not to be public.
type addressError struct{ why string }

func (e *addressError) Error() string {
	return "the target's address is not public: " + e.why
}

// onlyPublic is a net.Dialer's Control: it sees the address that is dialled, after
// the name was resolved, so DNS rebinding cannot bypass it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("dialled address: %w", err)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("dialled address: %w", err)
	}
	if why := notPublic(addr); why != "" {
		return &addressError{why: why}
	}
	return nil
}
