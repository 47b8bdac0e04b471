package snapshot

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// columnAudit finds the columns in which no user has a value. It looks for a column
// only until somebody has it: after the first users of an ordinary tenant there is
// little or nothing left to look for.
type columnAudit struct {
	empty     []string // the columns in which nobody has had a value yet
	quoted    [][]byte // the same, as JSON
	populated []string
}

// newColumnAudit continues an audit that has found some columns populated.
func newColumnAudit(columns, populated []string) *columnAudit {
	a := &columnAudit{populated: slices.Clone(populated)}
	for _, name := range columns {
		if !slices.Contains(populated, name) {
			a.empty = append(a.empty, name)
			a.quoted = append(a.quoted, []byte(`"`+name+`"`))
		}
	}
	return a
}

// user looks at a user's JSON object.
func (a *columnAudit) user(raw []byte) {
	for i := 0; i < len(a.empty); i++ {
		if !mayHave(raw, a.quoted[i]) || !has(raw, a.empty[i]) {
			continue
		}
		a.populated = append(a.populated, a.empty[i])
		a.empty = slices.Delete(a.empty, i, i+1)
		a.quoted = slices.Delete(a.quoted, i, i+1)
		i--
	}
}

// mayHave reports whether there is a member of that name with a value, at any depth.
// It is quick, and wrong only where it says yes.
func mayHave(raw, quoted []byte) bool {
	for {
		at := bytes.Index(raw, quoted)
		if at < 0 {
			return false
		}
		raw = bytes.TrimLeft(raw[at+len(quoted):], " \t\r\n")
		if len(raw) > 0 && raw[0] == ':' && !isEmpty(bytes.TrimLeft(raw[1:], " \t\r\n")) {
			return true
		}
	}
}

// isEmpty reports whether the JSON value at the start of text is null or contains
// nothing.
func isEmpty(text []byte) bool {
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
		if found && !isEmpty(value) {
			return true
		}
	}
	return false
}
