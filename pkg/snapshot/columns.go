package snapshot

import (
	"bytes"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// Every user of a list of up to sampleAll is sampled, and one in sampleOneIn of a larger
// one: by the id, so that the sample is fair, and the same users are in it each time.
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
	counts    map[string]*int // users with a value, by column
}

// newColumnAudit continues an audit that has seen the users that were written earlier.
func newColumnAudit(columns []string, earlier written) *columnAudit {
	a := &columnAudit{populated: slices.Clone(earlier.Populated), counts: map[string]*int{}}
	for _, name := range columns {
		n := earlier.Values[name]
		a.counts[name] = &n
		if !slices.Contains(earlier.Populated, name) {
			a.empty = append(a.empty, name)
			a.quoted = append(a.quoted, []byte(`"`+name+`"`))
		}
	}
	return a
}

// values is about how many users have a value, by column.
func (a *columnAudit) values() map[string]int {
	all := make(map[string]int, len(a.counts))
	for name, n := range a.counts {
		all[name] = *n
	}
	return all
}

// user looks at a user's JSON object. counted is Graph's count of the list, nil where
// there is none.
func (a *columnAudit) user(id list.ID, raw []byte, counted *int) {
	for i := 0; i < len(a.empty); i++ {
		if !mayHave(raw, a.quoted[i]) || !has(raw, a.empty[i]) {
			continue
		}
		a.populated = append(a.populated, a.empty[i])
		a.empty = slices.Delete(a.empty, i, i+1)
		a.quoted = slices.Delete(a.quoted, i, i+1)
		i--
	}
	switch {
	case counted == nil || *counted <= sampleAll:
		a.sample(raw, 1)
	case id.Sample(sampleOneIn):
		a.sample(raw, sampleOneIn)
	}
}

// sample counts the columns in which a user has a value, for weight users.
func (a *columnAudit) sample(raw []byte, weight int) {
	for name, value := range graph.Members(raw) {
		if n := a.counts[string(name)]; n != nil && !IsEmpty(value) {
			*n += weight
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
		if len(raw) > 0 && raw[0] == ':' && !IsEmpty(bytes.TrimLeft(raw[1:], " \t\r\n")) {
			return true
		}
	}
}

// IsEmpty reports whether the JSON value at the start of text is null or contains
// nothing.
func IsEmpty(text []byte) bool {
	for _, nothing := range []string{"null", `""`, "[]", "{}"} {
		if bytes.HasPrefix(text, []byte(nothing)) {
			return true
		}
	}
	return false
}

// has reports whether the user itself has a value under that name.
func has(raw []byte, name string) bool {
	for member, value := range graph.Members(raw) {
		if string(member) == name && !IsEmpty(value) {
			return true
		}
	}
	return false
}
