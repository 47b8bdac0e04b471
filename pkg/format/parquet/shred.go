package parquet

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"
)

// shredder takes users apart into the values of each leaf, with the levels that
// tell nulls and lists apart (record shredding, Melnik et al., "Dremel").
type shredder struct {
	root *node
	// values are each leaf's values of the present batch of users. Texts point
	// into text.
	values [][]parquet.Value
	text   []byte
	// spans are the members found in the objects that are being read, a stack.
	spans [][]byte
	// beyond says that the present property has more than its column can hold,
	// and more is the object of such properties of the present user.
	beyond bool
	more   []byte
	name   []byte
}

func newShredder(root *node) *shredder {
	return &shredder{root: root, values: make([][]parquet.Value, root.end)}
}

// clear forgets the batch.
func (s *shredder) clear() {
	for i, values := range s.values {
		clear(values)
		s.values[i] = values[:0]
	}
	s.text = s.text[:0]
}

// user appends one user's values. raw is a valid JSON object. After an error the
// batch is of no use.
func (s *shredder) user(raw []byte) error {
	last := len(s.root.fields) - 1
	columns, additional := s.root.fields[:last], &s.root.fields[last]
	s.spans, s.more = s.spans[:0], s.more[:0]
	s.split(s.root, raw)
	for i := range columns {
		s.beyond = false
		if err := s.put(&columns[i], s.spans[i], 0); err != nil {
			return err
		}
		if s.beyond {
			s.more = appendMember(s.more, columns[i].name, s.spans[i])
		}
	}
	if len(s.more) == 0 {
		s.null(additional, 0, additional.def)
		return nil
	}
	from := len(s.text)
	s.text = append(append(s.text, s.more...), '}')
	s.add(additional, 0, parquet.ByteArrayValue(s.text[from:]))
	return nil
}

// appendMember appends to an object that is not closed yet.
func appendMember(object []byte, name string, raw []byte) []byte {
	if len(object) == 0 {
		object = append(object, '{')
	} else {
		object = append(object, ',')
	}
	object = append(object, '"')
	object = append(object, name...) // a name of the property table or an extension's: nothing to escape
	object = append(object, '"', ':')
	return appendCompact(object, raw)
}

// put appends a node's value, and its null where there is none.
func (s *shredder) put(n *node, raw []byte, rep int) error {
	if len(raw) == 0 || raw[0] == 'n' {
		if n.required {
			return errNoID
		}
		s.null(n, rep, n.def)
		return nil
	}
	switch n.shape {
	case asText:
		s.add(n, rep, parquet.ByteArrayValue(s.keepText(raw)))
		return nil
	case asBoolean:
		return s.boolean(n, raw, rep)
	case asInt32:
		return s.integer(n, raw, rep)
	case asInstant:
		return s.moment(n, raw, rep)
	case asList:
		return s.list(n, raw, rep)
	default:
		return s.group(n, raw, rep)
	}
}

// null appends a null to every leaf of the node; def says how deep it is.
func (s *shredder) null(n *node, rep, def int) {
	for leaf := n.first; leaf < n.end; leaf++ {
		s.values[leaf] = append(s.values[leaf], parquet.NullValue().Level(rep, def, leaf))
	}
}

// add appends a value to a node that is a leaf.
func (s *shredder) add(n *node, rep int, v parquet.Value) {
	def := n.def + 1
	if n.required {
		def = n.def
	}
	s.values[n.first] = append(s.values[n.first], v.Level(rep, def, n.first))
}

func (s *shredder) list(n *node, raw []byte, rep int) error {
	if raw[0] != '[' {
		return &KindError{n.path, n.typ, kindOf(raw)}
	}
	element := &n.fields[0]
	count := 0
	err := elements(raw, func(value []byte) error {
		if count++; count > 1 {
			rep = element.rep
		}
		return s.put(element, value, rep)
	})
	if count == 0 {
		s.null(n, rep, n.def+1)
	}
	return err
}

func (s *shredder) group(n *node, raw []byte, rep int) error {
	if raw[0] != '{' {
		return &KindError{n.path, n.typ, kindOf(raw)}
	}
	base := s.split(n, raw)
	for i := range n.fields {
		if err := s.put(&n.fields[i], s.spans[base+i], rep); err != nil {
			return err
		}
	}
	s.spans = s.spans[:base]
	return nil
}

// split pushes the value of each member of an object, nil where it has none, and
// returns where they start. A member that comes twice counts as its last.
func (s *shredder) split(n *node, object []byte) (base int) {
	base = len(s.spans)
	for range n.fields {
		s.spans = append(s.spans, nil)
	}
	place := 0
	members(object, func(name, value []byte) {
		name = s.plain(name)
		switch at := n.find(name, place); {
		case at >= 0:
			s.spans[base+at] = value
		case value[0] != 'n' && bytes.IndexByte(name, '@') < 0:
			s.beyond = true
		}
		place++
	})
	return base
}

// plain takes the quotes off a name.
func (s *shredder) plain(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	s.name, _ = jsontext.AppendUnquote(s.name[:0], quoted) // its error says only that something became U+FFFD
	return s.name
}

// keepText keeps a value as text: a string decoded, everything else as JSON.
func (s *shredder) keepText(raw []byte) []byte {
	from := len(s.text)
	if raw[0] == '"' {
		s.text, _ = jsontext.AppendUnquote(s.text, raw) // its error says only that something became U+FFFD
	} else {
		s.text = appendCompact(s.text, raw)
	}
	return s.text[from:]
}

// appendCompact appends valid JSON without white space and as valid UTF-8.
func appendCompact(dst, raw []byte) []byte {
	from := len(dst)
	dst = append(dst, raw...)
	compact := jsontext.Value(dst[from:])
	// It is valid, so it can be made compact.
	_ = compact.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if !utf8.Valid(compact) {
		return append(dst[:from], bytes.ToValidUTF8(compact, []byte("\ufffd"))...)
	}
	return append(dst[:from], compact...)
}
