package config

import "github.com/rollcall-dev/rollcall/pkg/origin"

// host is a URL of the form https://host[:port]. Its complaints do not quote it: it
// may carry a password.
type host origin.Origin

// UnmarshalText checks the URL.
func (h *host) UnmarshalText(text []byte) error {
	o, err := origin.Parse(string(text))
	if err != nil {
		return &complaint{err.Error(), "write https://host[:port]"}
	}
	*h = host(o)
	return nil
}

// isSet reports whether the variable was set.
func (h host) isSet() bool { return h != host{} }

// url returns https://host[:port], in lower case and without the standard port.
func (h host) url() string { return origin.Origin(h).String() }
