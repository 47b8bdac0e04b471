package secret

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// ObjectError says what a text is instead of one JSON object. It is a predicate ("is not
// JSON"), without anything of the text.
type ObjectError string

// Error returns the predicate.
func (e ObjectError) Error() string { return string(e) }

// What a text may be.
const (
	Empty     ObjectError = "is empty"
	NotJSON   ObjectError = "is not JSON"
	JSONText  ObjectError = "is a JSON string, not an object (encoded twice?)"
	NotObject ObjectError = "is JSON, but not an object"
	More      ObjectError = "has something after its JSON object"
)

// Object reads a text in UTF-8 that is one JSON object, and has member take the name and the
// value of each of its members, valid until it returns. A name may come more than once. The
// error is an [ObjectError], or member's.
func Object(text []byte, member func(name string, value jsontext.Value) error) error {
	if len(text) == 0 {
		return Empty
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	switch token, err := d.ReadToken(); {
	case err != nil:
		return NotJSON
	case token.Kind() == '"':
		return JSONText
	case token.Kind() != '{':
		return NotObject
	}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return NotJSON
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return NotJSON
		}
		if err := member(name, value); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return NotJSON
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return More
	}
	return nil
}
