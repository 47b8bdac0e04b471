package snapshot

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/list"
)

// Every user of the first sampleAll is sampled, and one of sampleOneIn after that: by
// the id, so that it is a fair sample whatever the order of the list.
const (
	sampleAll   = 10_000
	sampleOneIn = 16
)

// columnAudit finds the columns in which no user has a value, exactly, and about how
// many users have one in the others. An empty column is looked for only until
// somebody has a value: after the first users of an ordinary tenant there is little or
// nothing left to look for.
type columnAudit struct {
	empty     []string // the columns in which nobody has had a value yet
	quoted    [][]byte // the same, as JSON
	populated []string
	values    map[string]int // users with a value, by column
	users     int
}

// newColumnAudit continues an audit that has seen some users.
func newColumnAudit(columns []string, earlier written, users int) *columnAudit {
	a := &columnAudit{populated: slices.Clone(earlier.Populated), values: map[string]int{}, users: users}
	for _, name := range columns {
		a.values[name] = earlier.Values[name]
		if !slices.Contains(earlier.Populated, name) {
			a.empty = append(a.empty, name)
			a.quoted = append(a.quoted, []byte(`"`+name+`"`))
		}
	}
	return a
}

// user looks at a user's JSON object.
func (a *columnAudit) user(id list.ID, raw []byte) {
	for i := 0; i < len(a.empty); i++ {
		if !mayHave(raw, a.quoted[i]) || !has(raw, a.empty[i]) {
			continue
		}
		a.populated = append(a.populated, a.empty[i])
		a.empty = slices.Delete(a.empty, i, i+1)
		a.quoted = slices.Delete(a.quoted, i, i+1)
		i--
	}
	switch a.users++; {
	case a.users <= sampleAll:
		a.sample(raw, 1)
	case id.Sample(sampleOneIn):
		a.sample(raw, sampleOneIn)
	}
}

// sample counts the columns in which a user has a value, for weight users.
func (a *columnAudit) sample(raw []byte, weight int) {
	for name, value := range members(raw) {
		if n, ok := a.values[string(name)]; ok && !isEmpty(value) {
			a.values[string(name)] = n + weight
		}
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
	for member, value := range members(raw) {
		if string(member) == name && !isEmpty(value) {
			return true
		}
	}
	return false
}

// members yields the names and values of a JSON object, up to where it is not one.
func members(object []byte) func(yield func(name []byte, value jsontext.Value) bool) {
	return func(yield func([]byte, jsontext.Value) bool) {
		d := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if _, err := d.ReadToken(); err != nil {
			return
		}
		var name []byte
		for d.PeekKind() == '"' {
			quoted, err := d.ReadValue()
			if err != nil {
				return
			}
			name, _ = jsontext.AppendUnquote(name[:0], quoted)
			value, err := d.ReadValue()
			if err != nil || !yield(name, value) {
				return
			}
		}
	}
}
