package graphapi

import (
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
)

// replaced is the JSON that one of the injected faults puts in the place of a value,
// or the value itself.
func replaced(faults fault.Set, by map[string]string, value string) string {
	for _, name := range faults.Names() {
		if wrong, ok := by[name]; ok {
			return wrong
		}
	}
	return value
}

// countMember is the member with the count, or empty.
func (c *call) countMember(count string) string {
	count = replaced(c.faults, map[string]string{
		"null-count": "null", "string-count": `"12"`, "object-count": "{}", "true-count": "true", "two-counts": `7,"@odata.count":8`,
	}, count)
	if count == "" {
		return ""
	}
	return `,"@odata.count":` + count
}

// linkMember is a member with a link.
func (c *call) linkMember(name, address string) string {
	member := `,"@odata.` + name + `":`
	return member + replaced(c.faults, map[string]string{
		"null-link": "null", "number-link": "5", "object-link": "{}", "empty-link": `""`,
		"two-links": `"` + address + `"` + member + `"` + address + `&again=1"`,
	}, `"`+address+`"`)
}

// wrongValue is what takes the place of the array of users, or empty.
func (c *call) wrongValue() string {
	return replaced(c.faults, map[string]string{"null-value": "null", "object-value": "{}", "string-value": `"none"`}, "")
}

// wrongUser is what takes the place of a user, or empty.
func (c *call) wrongUser() string {
	return replaced(c.faults, map[string]string{
		"malformed-json": `{"id":"9d0c},,`, "no-id": `{"displayName":"Nobody"}`, "null-id": `{"id":null}`, "number-id": `{"id":7}`,
		"null-user": "null", "string-user": `"9d0c0000-0000-4000-8000-000000000000"`,
	}, "")
}

// misdirect is a link to a path of this service, with its query, as the faults change
// it.
func (c *call) misdirect(path string) string {
	host := c.R.Host
	name, port, _ := strings.Cut(host, ":")
	switch {
	case c.faults.Has("foreign-host"):
		return "https://" + c.config.ForeignHost + path
	case c.faults.Has("foreign-port"):
		return "https://" + name + ":8" + port + path
	case c.faults.Has("dotted-host"):
		return "https://" + strings.Replace(host, name, name+".", 1) + path
	case c.faults.Has("unicode-host"):
		return "https://" + lookalike(host) + path
	case c.faults.Has("escaped-host"):
		return "https://" + strings.ReplaceAll(url.QueryEscape(lookalike(host)), "%3A", ":") + path
	case c.faults.Has("foreign-scheme"):
		return "http://" + host + path
	case c.faults.Has("foreign-path"):
		return c.Base() + strings.Replace(path, "/v1.0/users", "/v1.0/applications", 1)
	case c.faults.Has("userinfo-host"):
		return "https://" + host + "@" + c.config.ForeignHost + path
	}
	return c.Base() + path
}

// lookalike is another host whose name some foldings of letters make the given one:
// a capital I with a dot, the sign for kelvins, a long s, or else a wide digit.
func lookalike(host string) string {
	for _, pair := range [][2]string{{"i", "\u0130"}, {"k", "\u212a"}, {"s", "\u017f"}, {"1", "\uff11"}, {"2", "\uff12"}, {"o", "\uff4f"}} {
		if strings.Contains(host, pair[0]) {
			return strings.Replace(host, pair[0], pair[1], 1)
		}
	}
	return "\u3002" + host
}
