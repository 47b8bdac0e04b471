package config

import (
	"net/url"
	"strconv"
	"strings"
)

const originForm = "write https://host[:port]"

// origin is a URL of the form https://host[:port], in lower case and without the
// slash at its end or the standard port. Its complaints do not quote it: it may
// carry a password.
type origin string

// UnmarshalText checks the URL.
func (o *origin) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	switch {
	case err != nil:
		return &complaint{"is not a URL", originForm}
	case u.User != nil:
		return &complaint{"carries a user name or password", originForm}
	case !strings.EqualFold(u.Scheme, "https"):
		return &complaint{"is not an https URL", originForm}
	case u.Hostname() == "":
		return &complaint{"names no host", originForm}
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return &complaint{"has a path, a query or a fragment", originForm}
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return &complaint{"has a port that is none", originForm}
		}
	}
	host = strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":")
	*o = origin("https://" + host)
	return nil
}
