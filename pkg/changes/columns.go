package changes

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// columns are the names of the properties that the mirror keeps of each user, apart from
// the id.
type columns []string

// columnsOf are the columns of a request.
func columnsOf(all []property.Column) columns {
	names := columns{}
	for _, c := range all {
		if c.Name != "id" {
			names = append(names, c.Name)
		}
	}
	return names
}

func (c columns) has(name string) bool { return slices.Contains(c, name) }

// tracked are the properties that a delta query is asked to track.
func (c columns) tracked() []string {
	names := []string{"id"}
	for _, name := range c {
		if name != property.ODataType { // comes unasked
			names = append(names, name)
		}
	}
	return names
}

// query asks for the columns of single users.
func (c columns) query() graph.Query {
	q := graph.Query{}
	for _, name := range c.tracked() {
		if name == property.Manager {
			q.Expand = "manager($select=id)"
			continue
		}
		q.Select = append(q.Select, name)
	}
	return q
}

// within reports whether other has all the columns.
func (c columns) within(other columns) bool {
	return !slices.ContainsFunc(c, func(name string) bool { return !other.has(name) })
}

// common are the columns that both have, in the order of c.
func (c columns) common(other columns) columns {
	return slices.DeleteFunc(slices.Clone(c), func(name string) bool { return !other.has(name) })
}

// fields are the values of a user, one for each column, in JSON: nil where nothing is
// said, null where Graph says that there is no value.
type fields [][]byte

const null = "null"

// valued reports whether a column has a value.
func (f fields) valued(i int) bool { return f[i] != nil && string(f[i]) != null }

// fields reads the columns of a user's JSON object. The values that are as they were
// written point into it.
func (c columns) fields(object []byte) fields {
	f := make(fields, len(c))
	if len(object) == 0 {
		return f
	}
	for name, value := range graph.Members(object) {
		if i := slices.Index(c, string(name)); i >= 0 {
			f[i] = canonical(string(name), value)
		}
	}
	return f
}

// canonical writes a value in the one form in which values are compared and kept.
func canonical(name string, value []byte) []byte {
	if name == property.Manager {
		return managerValue(value)
	}
	switch value[0] {
	case '"':
		if bytes.IndexByte(value, '\\') < 0 {
			return value
		}
	case '{', '[':
	default:
		return value
	}
	v := jsontext.Value(bytes.Clone(value))
	if v.Canonicalize(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)) != nil {
		return value
	}
	return v
}

// managerValue leaves of an expanded manager the id.
func managerValue(value []byte) []byte {
	if value[0] != '{' {
		return []byte(null)
	}
	for name, id := range graph.Members(value) {
		if string(name) == "id" && id[0] == '"' {
			return append(append([]byte(`{"id":`), id...), '}')
		}
	}
	return []byte(null)
}

// managerField is the value of the manager with an id, "" for none.
func managerField(id string) []byte {
	if id == "" {
		return []byte(null)
	}
	quoted, _ := jsontext.AppendQuote([]byte(`{"id":`), id) // invalid UTF-8 became U+FFFD
	return append(quoted, '}')
}

// merge lays what a change says over what is known: what it does not say stays as it is.
func (f fields) merge(change fields) fields {
	merged := slices.Clone(f)
	for i, value := range change {
		if value != nil {
			merged[i] = value
		}
	}
	return merged
}

// How appendObject writes columns without a value.
type absence int

const (
	omitted absence = iota // not at all
	asSaid                 // as null where Graph says so
	asNull                 // as null
)

// appendObject writes a user as a JSON object: the id, and the columns in their order.
func (c columns) appendObject(dst []byte, id []byte, f fields, how absence) []byte {
	if dst == nil {
		size := len(id) + 16
		for i, name := range c {
			size += len(name) + len(f[i]) + 8
		}
		dst = make([]byte, 0, size)
	}
	dst, _ = jsontext.AppendQuote(append(dst, `{"id":`...), id)
	for i, name := range c {
		value := f[i]
		switch {
		case f.valued(i):
		case how == asNull, how == asSaid && value != nil:
			value = []byte(null)
		default:
			continue
		}
		dst, _ = jsontext.AppendQuote(append(dst, ','), name)
		dst = append(append(dst, ':'), value...)
	}
	return append(dst, '}')
}

// sameValue reports whether two values of a column are the same. null is the same as
// nothing, and collections are compared without regard to their order, which Graph does
// not keep.
func sameValue(a, b []byte) bool {
	none := func(v []byte) bool { return v == nil || string(v) == null }
	switch {
	case bytes.Equal(a, b), none(a) && none(b):
		return true
	case none(a), none(b), a[0] != '[', b[0] != '[':
		return false
	}
	return slices.EqualFunc(elements(a), elements(b), bytes.Equal)
}

// elements are those of an array, sorted.
func elements(array []byte) [][]byte {
	var all [][]byte
	d := jsontext.NewDecoder(bytes.NewReader(array), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		var v jsontext.Value
		if v, err = d.ReadValue(); err == nil {
			all = append(all, bytes.Clone(v))
		}
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}
