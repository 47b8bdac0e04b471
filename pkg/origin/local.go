package origin

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// ErrFar is what is wrong with a URL for [ParseLocal], besides what may be wrong with a
// host. A predicate too.
var ErrFar = errors.New("is not plain HTTP to this machine or its own network: http://, and localhost or an address that is loopback, link-local or private")

// ParseLocal reads the URL of a service by which a machine tells its own programs who
// they are: http://host[:port]/path without user, query and fragment. Such a service has no
// certificate, so the host must be one whose packets the internet does not carry:
// localhost, or a literal address that is loopback (127.0.0.0/8, ::1), link-local
// (169.254.0.0/16) or private (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16). A name could
// be resolved to any address.
func ParseLocal(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, ErrURL // url.Error quotes the text
	}
	name, _, err := ParseHost(u.Host)
	switch {
	case u.Scheme != "http":
		return nil, ErrFar
	case u.User != nil:
		return nil, ErrUser
	case err != nil:
		return nil, err
	case !isLoopback(name) && !isNear(name):
		return nil, ErrFar
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, ErrQuery
	}
	return u, nil
}

// isNear reports whether a host is an IPv4 address that is not routed on the internet.
func isNear(name string) bool {
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Is4() && (addr.IsLinkLocalUnicast() || addr.IsPrivate())
}
