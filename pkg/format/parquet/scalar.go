package parquet

import (
	"bytes"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

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

// moment appends a date. One that does not fit is told in additionalData.
func (s *shredder) moment(n *node, raw []byte, rep int) error {
	if raw[0] != '"' {
		return &KindError{n.path, n.typ, kindOf(raw)}
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		text = s.plain(raw)
	}
	micros, exact, ok := instant(text)
	switch {
	case ok:
		s.beyond = s.beyond || !exact
		s.add(n, rep, parquet.Int64Value(micros))
	default:
		s.beyond = s.beyond || len(text) > 0
		s.null(n, rep, n.def)
	}
	return nil
}
