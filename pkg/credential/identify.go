package credential

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// place is where the identity will be used: the login host, and the cloud that it
// belongs to.
type place struct {
	cloud cloud.Cloud
	login origin.Origin
}

// identify makes an identity of the fields, or names all that is missing. Nothing
// has been sent yet: what no tenant could accept is an error here.
func identify(f *fields, at place) (Identity, error) {
	if err := f.readAuthorities(at); err != nil {
		return Identity{}, err
	}
	id := Identity{
		TenantID:  f.values[tenantID].value,
		ClientID:  f.values[clientID].value,
		KeyID:     f.values[keyID].value,
		ExpiresAt: f.ends,
	}
	if err := f.prove(&id); err != nil {
		return Identity{}, err
	}
	// A certificate says itself when it ends.
	if text := f.values[expiresAt].value; text != "" && id.Certificate == nil {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			f.warn("ExpiresAt is not a time and is ignored: write it as in 2027-01-31T00:00:00Z")
		} else {
			id.ExpiresAt = t
		}
	}
	if guid.Valid(id.ClientSecret.Reveal()) {
		f.warn("ClientSecret is a GUID, as Secret IDs are: if Entra ID refuses it, copy the column Value instead of Secret ID")
	}
	id.Warnings = f.warnings
	return id, check(id)
}

// readAuthorities takes the tenant from URLs of the login host, such as
// https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token. A login host of
// another cloud is an error: the client secret is not for this one.
func (f *fields) readAuthorities(at place) error {
	for _, given := range f.authorities {
		host, path, ok := splitAuthority(given.value)
		if !ok {
			continue
		}
		var foreign *cloud.ForeignError
		switch {
		case errors.As(at.cloud.CheckLogin(host), &foreign):
			return malformed("the secret's "+given.name+" "+foreign.Problem, foreign.Remedy)
		case host != at.login.Name() && !at.signsIn(host):
			f.warn(given.name + " names a host that is neither the cloud's nor the configured one, and is ignored")
			continue
		}
		if isTenant(path) {
			if err := f.add(tenantID, given.name, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// signsIn reports whether a host that is no other cloud's is one of the cloud's own.
func (p place) signsIn(host string) bool {
	for _, name := range p.cloud.Logins() {
		if host == name || strings.HasSuffix(host, "."+name) {
			return true
		}
	}
	return false
}

// splitAuthority returns the host of a URL and the first segment of its path. A host
// alone is one too; a word is not.
func splitAuthority(text string) (host, segment string, ok bool) {
	if !strings.ContainsAny(text, "./") {
		return "", "", false
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", "", true
	}
	host, _, err = origin.ParseHost(strings.TrimSuffix(u.Host, "."))
	if err != nil {
		return "", "", true
	}
	segment, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return host, segment, true
}

// check finds what no Entra tenant could accept, before anything is sent.
func check(id Identity) error {
	for _, field := range []struct{ name, value, from string }{
		{tenantID, id.TenantID, "copy the Directory (tenant) ID again from the app registration"},
		{clientID, id.ClientID, "copy the Application (client) ID again from the app registration"},
		{clientSecret, id.ClientSecret.Reveal(), "copy its Value again from the app registration"},
	} {
		if i := strings.IndexFunc(field.value, invisible); i >= 0 {
			r := []rune(field.value[i:])[0]
			return malformed(fmt.Sprintf("%s contains the character %U, which cannot be seen", field.name, r), field.from)
		}
	}
	switch strings.ToLower(id.TenantID) {
	case "common", "organizations", "consumers":
		return malformed("TenantID is not one tenant", "write the tenant's GUID or its domain")
	}
	if !isTenant(id.TenantID) {
		return malformed("TenantID is neither a GUID nor a domain", "write the Directory (tenant) ID of the app registration")
	}
	if !guid.Valid(id.ClientID) {
		return malformed("ClientID is not a GUID", "write the Application (client) ID of the app registration")
	}
	return nil
}

// invisible reports whether nothing can be seen of a character, so that it came along
// when something was pasted: controls and line breaks, marks of direction, joiners,
// spaces other than the common one, fillers, and what stands for a broken encoding.
func invisible(r rune) bool {
	const braille = '\u2800' // blank, though a symbol
	return !unicode.IsPrint(r) || r == unicode.ReplacementChar || r == braille ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
