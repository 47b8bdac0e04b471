package credential

import (
	"bytes"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Parse returns the identity in the text of a secret that the caller has read, as a
// [Credential] of this configuration would find it there; Config.Source does not count. The
// error is a *[secret.Error] without a source.
func Parse(content []byte, cfg Config) (Identity, error) {
	cfg.Cloud = orDefault(cfg.Cloud, cloud.Public())
	login, err := cfg.login()
	if err != nil {
		return Identity{}, err
	}
	f, err := parse(content)
	if err != nil {
		return Identity{}, err
	}
	return identify(f, place{cfg.Cloud, login.origin})
}

// Renewal is the client secret that takes the place of another one.
type Renewal struct {
	// ClientSecret is its value, KeyID its id in Entra, and ExpiresAt when it ends.
	ClientSecret secret.Text
	KeyID        string
	ExpiresAt    time.Time
}

// Renew returns the text of a secret with another client secret in it. Whatever means one of
// the three fields of by, in whichever spelling, gets that value; KeyID and ExpiresAt are
// added behind the last member where there is none of them. All else stays as it is, byte for
// byte: members that mean nothing here, the order, the spelling, white space. (A text in
// UTF-16 becomes UTF-8.) A text without a client secret, and one that would not mean the same
// app afterwards, is a *[secret.Error].
func Renew(content []byte, by Renewal) ([]byte, error) {
	before, err := parse(content)
	if err != nil {
		return nil, err
	}
	if before.values[clientSecret].value == "" {
		return nil, malformed("the secret has no ClientSecret that could be replaced"+before.has(), secretForm)
	}
	values := map[string]string{clientSecret: by.ClientSecret.Reveal(), keyID: by.KeyID, expiresAt: by.ExpiresAt.UTC().Format(time.RFC3339)}
	members := membersOf(before.content)
	var edits []edit
	found := map[string]bool{}
	for _, m := range members {
		field := before.words.field(m.name)
		value, ok := values[field]
		if !ok || field == clientSecret && m.means(before.content) == "" {
			continue
		}
		found[field] = true
		at := m.text(before.content)
		edits = append(edits, edit{at, quoted(value)})
	}
	last := members[len(members)-1]
	for _, field := range []string{keyID, expiresAt} {
		if !found[field] {
			edits = append(edits, edit{span{last.value.to, last.value.to}, slices.Concat([]byte(","), last.indent, quoted(field), last.colon, quoted(values[field]))})
		}
	}
	after := apply(before.content, edits)
	if !renewed(before, after, values) {
		return nil, malformed("the secret cannot be rewritten: it would not mean the same app afterwards", secretForm)
	}
	return after, nil
}

// renewed reports whether a text means what another one did, but for some values.
func renewed(before *fields, text []byte, values map[string]string) bool {
	after, err := parse(text)
	if err != nil || len(after.authorities) != len(before.authorities) {
		return false
	}
	for field, want := range values {
		if after.values[field].value != want {
			return false
		}
	}
	for field, was := range before.values {
		if _, renewed := values[field]; !renewed && after.values[field].value != was.value {
			return false
		}
	}
	return true
}

// span is a part of a text, from its first byte to behind its last.
type span struct{ from, to int }

// edit puts other bytes in the place of a part of a text.
type edit struct {
	span
	by []byte
}

// apply makes edits, which are in the order of the text and do not overlap.
func apply(text []byte, edits []edit) []byte {
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, text[done:e.from]...), e.by...)
		done = e.to
	}
	return append(out, text[done:]...)
}

// quoted returns a text as a JSON string.
func quoted(text string) []byte {
	out, _ := jsontext.AppendQuote(nil, text) // the error is about invalid UTF-8, which it replaces
	return out
}

// place of a member in the text of an object.
type rawMember struct {
	name  string
	value span
	// indent is the white space before its name, and colon what is between name and value.
	indent, colon []byte
}

// membersOf returns the members of a text that is one JSON object.
func membersOf(text []byte) []rawMember {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	var all []rawMember
	for behind := offset(d); d.PeekKind() == '"'; behind = offset(d) {
		name, err := d.ReadValue()
		if err != nil {
			return all
		}
		unquoted, _ := jsontext.AppendUnquote(nil, name) // the error is about surrogates
		m := rawMember{name: string(unquoted)}
		nameFrom, nameTo := offset(d)-len(name), offset(d)
		m.indent = bytes.TrimPrefix(bytes.TrimLeft(text[behind:nameFrom], " \t\r\n"), []byte(","))
		if len(all) == 0 {
			m.indent = text[behind:nameFrom]
		}
		value, err := d.ReadValue()
		if err != nil {
			return all
		}
		m.value = span{offset(d) - len(value), offset(d)}
		m.colon = text[nameTo:m.value.from]
		all = append(all, m)
	}
	return all
}

func offset(d *jsontext.Decoder) int { return int(d.InputOffset()) }

// means returns the text of a member's value, "" for none.
func (m rawMember) means(content []byte) string {
	text, _ := textOf(content[m.value.from:m.value.to])
	return text
}

// text is where the text of a member's value stands: the value itself or, as [textOf] finds
// it, the member "value" of an object.
func (m rawMember) text(content []byte) span {
	value := content[m.value.from:m.value.to]
	if jsontext.Value(value).Kind() == '{' {
		for _, inner := range membersOf(value) {
			if inner.name == "value" && value[inner.value.from] == '"' {
				return span{m.value.from + inner.value.from, m.value.from + inner.value.to}
			}
		}
	}
	return m.value
}
