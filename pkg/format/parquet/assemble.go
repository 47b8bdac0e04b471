package parquet

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// stored makes the tree of a column of a file, whatever members its structures have: they
// may have been written by a version that knew others.
func stored(f parquet.Node, name, path string, def, rep int, leaves *int) (node, error) {
	n := node{name: name, path: path, def: def, rep: rep, first: *leaves, required: !f.Optional()}
	if !n.required {
		def++
	}
	fields := f.Fields()
	switch kind := shapeOf(f); {
	case f.Repeated():
		return n, unknown(path)
	case kind == asList:
		if len(fields) != 1 || !fields[0].Repeated() || len(fields[0].Fields()) != 1 || n.required {
			return n, unknown(path)
		}
		element, err := stored(fields[0].Fields()[0], "", path, def+1, rep+1, leaves)
		if err != nil {
			return n, err
		}
		n.shape, n.fields = asList, []node{element}
	case kind == asGroup:
		n.shape = asGroup
		for _, each := range fields {
			member, err := stored(each, each.Name(), path+"."+each.Name(), def, rep, leaves)
			if err != nil {
				return n, err
			}
			n.fields = append(n.fields, member)
		}
	case kind < 0:
		return n, unknown(path)
	default:
		n.shape = kind
		*leaves++
	}
	n.end = *leaves
	if n.end == n.first {
		return n, unknown(path)
	}
	return n, nil
}

func unknown(path string) error {
	return fmt.Errorf("its column %s is of a type that is never written", path)
}

// shapeOf is how a column is stored, less than 0 for one that is never written so.
func shapeOf(f parquet.Node) shape {
	logical := f.Type().LogicalType()
	if !f.Leaf() {
		if logical != nil {
			if _, ok := logical.Value.(*format.ListType); ok {
				return asList
			}
		}
		return asGroup
	}
	switch f.Type().Kind() {
	case parquet.Boolean:
		return asBoolean
	case parquet.Int32:
		return asInt32
	case parquet.Int64:
		return asTimestamp
	case parquet.ByteArray:
		return asText
	default:
		return -1
	}
}

var errLevels = errors.New("a row lacks a value of a column")

// append appends the JSON value of the node from the values of its leaves. It reports false,
// and appends nothing, where it is null.
func (n *node) append(dst []byte, leaves [][]parquet.Value) ([]byte, bool, error) {
	if len(leaves[0]) == 0 {
		return dst, false, errLevels
	}
	v := leaves[0][0]
	if !n.required && v.DefinitionLevel() <= n.def {
		return dst, false, nil
	}
	switch n.shape {
	case asList:
		dst, err := n.appendList(dst, leaves)
		return dst, true, err
	case asGroup:
		dst, err := n.appendGroup(dst, leaves)
		return dst, true, err
	case asBoolean:
		return strconv.AppendBool(dst, v.Boolean()), true, nil
	case asInt32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10), true, nil
	case asTimestamp:
		dst = append(dst, '"')
		dst = time.UnixMicro(v.Int64()).UTC().AppendFormat(dst, "2006-01-02T15:04:05.999999Z")
		return append(dst, '"'), true, nil
	default:
		dst, _ = jsontext.AppendQuote(dst, v.ByteArray()) // invalid UTF-8 becomes U+FFFD
		return dst, true, nil
	}
}

func (n *node) appendGroup(dst []byte, leaves [][]parquet.Value) ([]byte, error) {
	dst = append(dst, '{')
	from := len(dst)
	for i := range n.fields {
		f := &n.fields[i]
		before := len(dst)
		if before > from {
			dst = append(dst, ',')
		}
		dst, _ = jsontext.AppendQuote(dst, f.name)
		var some bool
		var err error
		if dst, some, err = f.append(append(dst, ':'), leaves[f.first-n.first:f.end-n.first]); err != nil {
			return dst, err
		}
		if !some {
			dst = dst[:before]
		}
	}
	return append(dst, '}'), nil
}

func (n *node) appendList(dst []byte, leaves [][]parquet.Value) ([]byte, error) {
	dst = append(dst, '[')
	element := &n.fields[0]
	if leaves[0][0].DefinitionLevel() < element.def {
		return append(dst, ']'), nil // it is empty
	}
	rest := append([][]parquet.Value(nil), leaves...)
	for count := 0; len(rest[0]) > 0; count++ {
		if count > 0 {
			dst = append(dst, ',')
		}
		one := make([][]parquet.Value, len(rest))
		for i, values := range rest {
			if len(values) == 0 {
				return dst, errLevels
			}
			end := 1
			for end < len(values) && values[end].RepetitionLevel() > element.rep {
				end++
			}
			one[i], rest[i] = values[:end], values[end:]
		}
		var some bool
		var err error
		if dst, some, err = element.append(dst, one); err != nil {
			return dst, err
		}
		if !some {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, ']'), nil
}
