package parquet

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// shredder splits users into the values of each leaf, with levels that encode nulls
// and lists (record shredding, Melnik et al., "Dremel").
type shredder struct {
	root *node
	// values are each leaf's values of the current batch of users. Texts point
	// into text.
	values [][]parquet.Value
	text   []byte
	// raw is a stack of the member values of the objects that are being read.
	raw [][]byte
	// overflow is true if the current property does not fit its column;
	// additional is the JSON object of such properties of the current user.
	overflow   bool
	additional []byte
	name       []byte
}

func newShredder(root *node) *shredder {
	return &shredder{root: root, values: make([][]parquet.Value, root.end)}
}

// clear discards the batch.
func (s *shredder) clear() {
	for i, values := range s.values {
		clear(values)
		s.values[i] = values[:0]
	}
	s.text = s.text[:0]
}

// user appends the values of a user. raw is a valid JSON object. After an error the
// batch must not be used.
func (s *shredder) user(raw []byte) error {
	last := len(s.root.fields) - 1
	columns, additional := s.root.fields[:last], &s.root.fields[last]
	s.raw, s.additional = s.raw[:0], s.additional[:0]
	s.split(s.root, raw)
	for i := range columns {
		s.overflow = false
		if err := s.put(&columns[i], s.raw[i], 0); err != nil {
			return err
		}
		if s.overflow {
			s.additional = appendMember(s.additional, columns[i].name, s.raw[i])
		}
	}
	if len(s.additional) == 0 {
		s.null(additional, 0, additional.def)
		return nil
	}
	from := len(s.text)
	s.text = append(append(s.text, s.additional...), '}')
	s.add(additional, 0, parquet.ByteArrayValue(s.text[from:]))
	return nil
}

// appendMember appends to an object without its closing brace.
func appendMember(object []byte, name string, raw []byte) []byte {
	if len(object) == 0 {
		object = append(object, '{')
	} else {
		object = append(object, ',')
	}
	object = append(object, '"')
	object = append(object, name...) // names of properties and extensions need no escapes
	object = append(object, '"', ':')
	return appendCompact(object, raw)
}

// put appends the value of a node, or null.
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
	case asTimestamp:
		return s.timestamp(n, raw, rep)
	case asList:
		return s.list(n, raw, rep)
	default:
		return s.group(n, raw, rep)
	}
}

// null appends a null of the definition level def to every leaf of the node.
func (s *shredder) null(n *node, rep, def int) {
	for leaf := n.first; leaf < n.end; leaf++ {
		s.values[leaf] = append(s.values[leaf], parquet.NullValue().Level(rep, def, leaf))
	}
}

// add appends a value to a leaf.
func (s *shredder) add(n *node, rep int, v parquet.Value) {
	def := n.def + 1
	if n.required {
		def = n.def
	}
	s.values[n.first] = append(s.values[n.first], v.Level(rep, def, n.first))
}

func (s *shredder) boolean(n *node, raw []byte, rep int) error {
	if raw[0] != 't' && raw[0] != 'f' {
		return &KindError{n.path, n.typ, kindOf(raw)}
	}
	s.add(n, rep, parquet.BooleanValue(raw[0] == 't'))
	return nil
}

func (s *shredder) integer(n *node, raw []byte, rep int) error {
	v, err := strconv.ParseInt(string(raw), 10, 32) // the conversion does not allocate
	if err != nil {
		return &KindError{n.path, n.typ, kindOf(raw)}
	}
	s.add(n, rep, parquet.Int32Value(int32(v)))
	return nil
}

// timestamp appends a date. If it does not fit, it goes to additionalData as well.
func (s *shredder) timestamp(n *node, raw []byte, rep int) error {
	if raw[0] != '"' {
		return &KindError{n.path, n.typ, kindOf(raw)}
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		text = s.plain(raw)
	}
	if micros, exact, ok := property.ParseInstant(text); ok {
		s.overflow = s.overflow || !exact
		s.add(n, rep, parquet.Int64Value(micros))
	} else {
		s.overflow = s.overflow || len(text) > 0
		s.null(n, rep, n.def)
	}
	return nil
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
		if err := s.put(&n.fields[i], s.raw[base+i], rep); err != nil {
			return err
		}
	}
	s.raw = s.raw[:base]
	return nil
}

// split pushes the value of each field of an object, nil if it has none, onto the
// stack and returns where they start. Of a duplicate member the last one counts.
func (s *shredder) split(n *node, object []byte) (base int) {
	base = len(s.raw)
	for range n.fields {
		s.raw = append(s.raw, nil)
	}
	place := 0
	members(object, func(name, value []byte) {
		name = s.plain(name)
		switch at := n.find(name, place); {
		case at >= 0:
			s.raw[base+at] = value
		case value[0] != 'n' && bytes.IndexByte(name, '@') < 0:
			s.overflow = true
		}
		place++
	})
	return base
}

// plain returns the text of a JSON string, valid until the next call.
func (s *shredder) plain(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	s.name, _ = jsontext.AppendUnquote(s.name[:0], quoted) // the only possible error is invalid UTF-8
	return s.name
}

// keepText stores a value as text: strings decoded, everything else as JSON.
func (s *shredder) keepText(raw []byte) []byte {
	from := len(s.text)
	if raw[0] == '"' {
		s.text, _ = jsontext.AppendUnquote(s.text, raw) // the only possible error is invalid UTF-8
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
	// The value is valid, so Compact cannot fail.
	_ = compact.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if !utf8.Valid(compact) {
		return append(dst[:from], bytes.ToValidUTF8(compact, []byte("\ufffd"))...)
	}
	return append(dst[:from], compact...)
}
