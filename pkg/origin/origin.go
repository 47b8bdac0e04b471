// Package origin parses and compares the hosts that requests go to. It is the only
// place in the project that does: what is sent to one host must not reach another
// because two spellings looked alike.
//
// Only ASCII letters are folded. strings.ToLower and strings.EqualFold also fold
// U+0130 to i, U+017F to s and U+212A to k, which a resolver reads as other domains.
//
// It imports no other package of the project.
package origin

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin is a host and port that https requests go to. Two origins are the same if
// they are equal by ==. The zero value is none; make one with [Parse] or [Of].
type Origin struct {
	name string // in lower case, an IPv6 address in brackets
	port string // "" for 443
}

// What may be wrong with a URL or host. The texts are predicates ("the URL names no
// host") and never quote it: it may contain a password.
var (
	ErrURL    = errors.New("is not a URL")
	ErrScheme = errors.New("is not an https URL")
	ErrUser   = errors.New("carries a user name or password")
	ErrNone   = errors.New("names no host")
	ErrHost   = errors.New("has a host that is not spelled in plain ASCII letters, digits, dots and hyphens (an international name in its xn-- form)")
	ErrDot    = errors.New("has a host with an empty label or a dot at its end")
	ErrPort   = errors.New("has a port that is none")
	ErrPath   = errors.New("has a path, a query or a fragment")
	ErrQuery  = errors.New("has a query or a fragment")
	ErrPlain  = errors.New("is plain HTTP to another machine: write https:// (http:// is for localhost, 127.0.0.1 and [::1])")
)

// Parse reads https://host[:port], with or without a slash at its end.
func Parse(text string) (Origin, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Origin{}, ErrURL // url.Error quotes the text
	}
	o, err := Of(u)
	switch {
	case err != nil:
		return Origin{}, err
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return Origin{}, ErrPath
	}
	return o, nil
}

// Of returns the origin of an https URL without user information. What follows
// the host does not matter.
func Of(u *url.URL) (Origin, error) {
	switch {
	case u.Scheme != "https":
		return Origin{}, ErrScheme
	case u.User != nil:
		return Origin{}, ErrUser
	}
	name, port, err := ParseHost(u.Host)
	if err != nil {
		return Origin{}, err
	}
	if port == "443" {
		port = ""
	}
	return Origin{name, port}, nil
}

// CheckEndpoint returns an error unless text is the URL of a service that may be sent
// secrets and people: https, or http to this machine, where emulators listen. What
// follows the host does not matter.
func CheckEndpoint(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return ErrURL // url.Error quotes the text
	}
	if u.Scheme != "http" {
		_, err = Of(u)
		return err
	}
	name, _, err := ParseHost(u.Host)
	switch {
	case u.User != nil:
		return ErrUser
	case err != nil:
		return err
	case !isLoopback(name):
		return ErrPlain
	}
	return nil
}

// isLoopback reports whether a host is this machine whoever resolves its name, which
// *.localhost is not.
func isLoopback(name string) bool {
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return name == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// ParseHost splits host[:port], as in a URL or a Host header, and returns the name in
// lower case, an IPv6 address in brackets, and the port, "" for none. It accepts no
// spelling that a resolver or proxy might read as another host: names in other
// scripts, percent signs, IPv6 zones, empty labels, dots at the end, empty or padded
// ports, shortened IPv4 addresses.
func ParseHost(text string) (name, port string, err error) {
	name, port, found := text, "", false
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		name, port, found = text[:i], text[i+1:], true
	}
	if name == "" {
		return "", "", ErrNone
	}
	if found && !isPort(port) {
		return "", "", ErrPort
	}
	name, err = lower(name)
	return name, port, err
}

// lower checks a host's name and returns it in lower case.
func lower(name string) (string, error) {
	if inner, bracketed := strings.CutPrefix(name, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", ErrHost
		}
	}
	folded := []byte(name)
	for i, b := range folded {
		switch {
		case 'A' <= b && b <= 'Z':
			folded[i] = b + 'a' - 'A'
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '-', b == '_', b == '.':
		case name[0] == '[' && (b == '[' || b == ']' || b == ':'):
		default:
			return "", ErrHost
		}
	}
	if len(name) > 253 {
		return "", ErrHost
	}
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return "", ErrDot
	}
	if name[0] != '[' && endsInNumber(string(folded)) {
		if _, err := netip.ParseAddr(name); err != nil {
			return "", ErrHost
		}
	}
	return string(folded), nil
}

// endsInNumber reports whether the last label is one, which makes the name an IPv4
// address to some resolvers (127.1, 0x7f.1, 2130706433) and a domain to others.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	digits, hex := strings.CutPrefix(last, "0x")
	if hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// isPort reports whether text is a port number as everybody writes it.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && text == strconv.FormatUint(n, 10)
}

// String returns https://host, with :port if it is not 443, and "" for no origin.
func (o Origin) String() string {
	if o.name == "" {
		return ""
	}
	return "https://" + o.Host()
}

// Host returns host[:port] as a request's URL takes it, without port 443.
func (o Origin) Host() string {
	if o.port == "" {
		return o.name
	}
	return o.name + ":" + o.port
}

// Name returns the host without the port, an IPv6 address in brackets.
func (o Origin) Name() string { return o.name }

// Loopback reports whether it is this machine whoever resolves its name.
func (o Origin) Loopback() bool { return isLoopback(o.name) }

// Subdomain returns the origin whose host is label.<host>, at the same port. The
// label has no dots.
func (o Origin) Subdomain(label string) (Origin, error) {
	if strings.Contains(label, ".") {
		return Origin{}, ErrHost
	}
	name, err := lower(label + "." + o.name)
	if err != nil {
		return Origin{}, err
	}
	return Origin{name, o.port}, nil
}
