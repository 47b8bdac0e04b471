package roll

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// blanks finds columns that are empty in every user. A column is looked for only
// until somebody has it: after the first users of an ordinary tenant there is
// little or nothing left to look for.
type blanks struct {
	names     []string // of the columns in which nobody has anything yet
	quoted    [][]byte // the same, as JSON
	populated []string
}

func newBlanks(columns, populated []string) *blanks {
	b := &blanks{populated: slices.Clone(populated)}
	for _, name := range columns {
		if !slices.Contains(populated, name) {
			b.names = append(b.names, name)
			b.quoted = append(b.quoted, []byte(`"`+name+`"`))
		}
	}
	return b
}

// see looks at a user's JSON object.
func (b *blanks) see(raw []byte) {
	for i := 0; i < len(b.names); i++ {
		if !mayHave(raw, b.quoted[i]) || !has(raw, b.names[i]) {
			continue
		}
		b.populated = append(b.populated, b.names[i])
		b.names = slices.Delete(b.names, i, i+1)
		b.quoted = slices.Delete(b.quoted, i, i+1)
		i--
	}
}

// mayHave reports whether there is a member of that name with a value, at any
// depth. It is quick and errs only by saying yes.
func mayHave(raw, quoted []byte) bool {
	for {
		at := bytes.Index(raw, quoted)
		if at < 0 {
			return false
		}
		raw = bytes.TrimLeft(raw[at+len(quoted):], " \t\r\n")
		if len(raw) > 0 && raw[0] == ':' && !empty(bytes.TrimLeft(raw[1:], " \t\r\n")) {
			return true
		}
	}
}

// empty reports whether the JSON value at the start of text is null, or holds
// nothing.
func empty(text []byte) bool {
	for _, nothing := range []string{"null", `""`, "[]", "{}"} {
		if bytes.HasPrefix(text, []byte(nothing)) {
			return true
		}
	}
	return false
}

// has reports whether the user itself has a value under that name.
func has(raw []byte, name string) bool {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for d.PeekKind() == '"' {
		member, err := d.ReadToken()
		if err != nil {
			return false
		}
		found := member.String() == name
		value, err := d.ReadValue()
		if err != nil {
			return false
		}
		if found && !empty(value) {
			return true
		}
	}
	return false
}
