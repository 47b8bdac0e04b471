package subscription

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	// stateParameter is the parameter of the address that tells the client states apart:
	// Graph gives a subscription's address back, and its client state not in lists.
	stateParameter = "state"
	// maxAddress is how long an address may be.
	maxAddress = 2048
)

// Address is where Graph sends notifications to, of ROLLCALL_NOTIFICATION_URL. The zero
// value is none.
type Address struct {
	url    url.URL
	origin origin.Origin
}

// UnmarshalText reads an address. Errors do not quote it: it may hold a key.
func (a *Address) UnmarshalText(text []byte) error {
	const remedy = "; write the https URL of the webhook's notifications, such as https://<id>.execute-api.<region>.amazonaws.com/notifications"
	u, err := url.Parse(string(text))
	if err != nil {
		return errors.New(origin.ErrURL.Error() + remedy)
	}
	at, err := origin.Of(u)
	switch {
	case err != nil:
		return errors.New(err.Error() + remedy)
	case len(text) > maxAddress:
		return errors.New("is longer than 2048 characters" + remedy)
	case strings.Contains(string(text), "#"):
		return errors.New("has a fragment, which is never sent" + remedy)
	case strings.ContainsFunc(string(text), func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("has characters that a URL does not have; percent-encode them")
	case strings.Trim(u.Path, "/") == "":
		return errors.New("has no path" + remedy)
	case u.Query().Has(stateParameter), u.Query().Has("validationToken"):
		return errors.New("has a parameter " + stateParameter + " or validationToken, which are added to it; remove it")
	}
	u.Host, u.ForceQuery = at.Host(), false
	*a = Address{*u, at}
	return nil
}

// IsZero reports whether there is none.
func (a Address) IsZero() bool { return a.url.Host == "" }

// String is the address without its parameters, which may hold a key.
func (a Address) String() string {
	u := a.url
	u.RawQuery = ""
	return u.String()
}

// hash only follows from a client state, and nobody finds the state out by it.
func hash(state secret.Text) string {
	sum := sha256.Sum256([]byte("rollcall client state " + state.Reveal()))
	return hex.EncodeToString(sum[:8])
}

// with is the address as Graph gets it.
func (a Address) with(state secret.Text) string {
	u := a.url
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += stateParameter + "=" + hash(state)
	return u.String()
}

// of reports whether the address of a subscription is this one, and by the hash of which
// client state. Graph may spell it differently.
func (a Address) of(text string) (state string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || a.IsZero() {
		return "", false
	}
	at, err := origin.Of(u)
	i := strings.LastIndexByte(u.RawQuery, '&')
	rest := u.RawQuery[:max(i, 0)]
	state, ok = strings.CutPrefix(u.RawQuery[i+1:], stateParameter+"=")
	ok = ok && err == nil && len(state) == len(hash(secret.Text{})) && at == a.origin && u.EscapedPath() == a.url.EscapedPath() && rest == a.url.RawQuery
	return state, ok
}
