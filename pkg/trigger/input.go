package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Decode reads an input, which is one JSON object, into a struct. The error says in
// words what is wrong with it and quotes no value: an input may hold anything.
func Decode(input []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) {
		return errors.New("something follows its JSON object")
	}
	if err == nil {
		return nil
	}
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if name := strings.Trim(quoted, `"`); len(name) > 32 || strings.ContainsFunc(name, strange) {
			return errors.New("it has an unknown member")
		}
		return errors.New("it has an unknown member " + quoted)
	}
	if typed := (*json.UnmarshalTypeError)(nil); errors.As(err, &typed) && typed.Field != "" {
		return errors.New("its member " + typed.Field + " is of the wrong type")
	}
	return errors.New("it is not a JSON object")
}

// strange reports whether a member that somebody has mistyped would not have this
// character.
func strange(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '$'
}
