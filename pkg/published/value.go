package published

import (
	"bytes"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// comparison says by what values of two snapshots are the same. What one of the formats
// cannot tell apart is not told apart.
type comparison struct {
	// text says that one of them does not tell text from other values where a property may
	// have any type, nor members that are null from those that are not there.
	text bool
	// empty says that one of them does not tell an empty text from none.
	empty bool
}

func newComparison(before, after *snapshot.Manifest) comparison {
	var c comparison
	for _, m := range []*snapshot.Manifest{before, after} {
		c.text = c.text || m.Format != "ndjson"
		c.empty = c.empty || m.Format == "csv"
	}
	return c
}

// columns are those among names in which two users differ.
func (c comparison) columns(names []string, before, after []byte) (all []Column) {
	old, now := valuesOf(before), valuesOf(after)
	for _, name := range names {
		a, b := old[name], now[name]
		if bytes.Equal(a, b) {
			continue
		}
		typeName, _ := property.ColumnType(name)
		if a, b = c.canonical(typeName, a), c.canonical(typeName, b); !bytes.Equal(a, b) {
			all = append(all, Column{name, a, b})
		}
	}
	return all
}

// valuesOf are the members of a user. Of two with one name the last one counts.
func valuesOf(user []byte) map[string][]byte {
	all := map[string][]byte{}
	for name, value := range graph.Members(user) {
		all[string(name)] = value
	}
	return all
}

// canonical is a value in the one form in which values are compared, nil for none.
func (c comparison) canonical(typeName string, value []byte) []byte {
	if len(value) == 0 || value[0] == 'n' {
		return nil
	}
	if element, isList := property.Element(typeName); isList && value[0] == '[' {
		return c.list(element, value)
	}
	if fields, ok := property.Structure(typeName); ok && value[0] == '{' {
		return c.structure(fields, value)
	}
	if value[0] == '"' {
		return c.string(typeName, unquoted(value))
	}
	v := compact(value)
	if c.text && isText(typeName) && v[0] != '{' && v[0] != '[' {
		return quoted(v)
	}
	return v
}

// string is a text in the form in which values are compared.
func (c comparison) string(typeName string, text []byte) []byte {
	switch {
	case len(text) == 0 && (c.empty || c.text && typeName == "Edm.DateTimeOffset"):
		return nil
	case typeName == "Edm.DateTimeOffset":
		if micros, exact, ok := property.ParseInstant(text); ok && exact {
			return []byte(`"` + time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z") + `"`)
		}
	case c.text && isText(typeName) && len(text) > 0 && (text[0] == '{' || text[0] == '['):
		if jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
			return compact(text)
		}
	}
	return quoted(text)
}

// isText reports whether the columns of a type are text in every format that has types.
func isText(typeName string) bool {
	_, isList := property.Element(typeName)
	_, isStructure := property.Structure(typeName)
	return !isList && !isStructure && typeName != "Edm.Boolean" && typeName != "Edm.Int32" && typeName != "Edm.DateTimeOffset"
}

// list sorts the elements: Graph does not keep their order.
func (c comparison) list(typeName string, value []byte) []byte {
	var all [][]byte
	d := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		var v jsontext.Value
		if v, err = d.ReadValue(); err != nil {
			break
		}
		element := c.canonical(typeName, v)
		if element == nil {
			element = []byte("null")
		}
		all = append(all, bytes.Clone(element))
	}
	slices.SortFunc(all, bytes.Compare)
	return append(append([]byte{'['}, bytes.Join(all, []byte(","))...), ']')
}

// structure sorts the members and leaves out annotations and those without a value.
func (c comparison) structure(fields []property.Field, object []byte) []byte {
	var all [][]byte
	for name, value := range graph.Members(object) {
		typeName := ""
		if i := slices.IndexFunc(fields, func(f property.Field) bool { return f.Name == string(name) }); i >= 0 {
			typeName = fields[i].Type
		}
		value = c.canonical(typeName, value)
		if value == nil || bytes.IndexByte(name, '@') >= 0 {
			continue
		}
		all = append(all, append(append(quoted(name), ':'), value...))
	}
	slices.SortFunc(all, bytes.Compare)
	return append(append([]byte{'{'}, bytes.Join(all, []byte(","))...), '}')
}

// compact sorts the members of a value of any type.
func compact(value []byte) []byte {
	v := jsontext.Value(bytes.Clone(value))
	if v.Canonicalize(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)) != nil {
		return value
	}
	return v
}

// quoted is a text as a JSON string. Invalid UTF-8 becomes U+FFFD.
func quoted(text []byte) []byte {
	b, _ := jsontext.AppendQuote(nil, text)
	return b
}

// unquoted is the text of a JSON string.
func unquoted(quoted []byte) []byte {
	text, _ := jsontext.AppendUnquote(nil, quoted)
	return text
}
