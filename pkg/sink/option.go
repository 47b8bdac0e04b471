package sink

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// options are the parameters of a sink's URL, each once.
type options struct {
	values map[string]string
	// bare leaves out the options that say how a list is stored.
	bare bool
}

func parseOptions(query string) (options, error) {
	given, err := url.ParseQuery(query)
	if err != nil {
		return options{}, errors.New("its options are not of the form name=value&name=value")
	}
	o := options{values: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if n := len(given[name]); n > 1 {
			if !isWord(name) {
				name = "of no kind"
			}
			return options{}, fmt.Errorf("option %s is there %d times", name, n)
		}
		o.values[name] = given[name][0]
	}
	return o, nil
}

// decode sets the fields of the structs that targets point to, and refuses an
// option that no field has. A field's tag names its option:
//
//	option:"region"             of a string, a whole number above 0, or what parses itself
//	option:"format=csv|parquet" of a string that is one of these
//	option:"users=each"         of a bool that this value sets
//
// The tag is called layout instead where the option says how a list is stored.
func (o options) decode(targets ...any) error {
	var known []string
	var wrong []error
	for _, target := range targets {
		v := reflect.ValueOf(target).Elem()
		for i := range v.NumField() {
			tag, found := v.Type().Field(i).Tag.Lookup("option")
			if !found && !o.bare {
				tag, found = v.Type().Field(i).Tag.Lookup("layout")
			}
			if !found {
				continue
			}
			name, choices, _ := strings.Cut(tag, "=")
			known = append(known, name)
			if text, given := o.values[name]; given {
				if err := set(v.Field(i), text, choices); err != nil {
					wrong = append(wrong, fmt.Errorf("option %s %w", name, err))
				}
			}
		}
	}
	all := "there are none"
	if len(known) > 0 {
		all = "there are " + strings.Join(known, ", ")
	}
	var unknown []error
	for _, name := range slices.Sorted(maps.Keys(o.values)) {
		if !slices.Contains(known, name) {
			if !isWord(name) { // what was pasted may be a secret
				unknown = append(unknown, errors.New("has an option that is none; "+all))
				continue
			}
			unknown = append(unknown, fmt.Errorf("has no option %q; %s", name, all))
		}
	}
	return errors.Join(append(unknown, wrong...)...)
}

// set sets a field to the value of an option.
func set(field reflect.Value, text, choices string) error {
	if parses, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return parses.UnmarshalText([]byte(text))
	}
	allowed := strings.Split(choices, "|")
	switch field.Kind() {
	case reflect.Bool:
		if text != choices {
			return errors.New("is " + choices + ", or left out")
		}
		field.SetBool(true)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return errors.New("is a whole number above 0")
		}
		field.SetInt(int64(n))
	case reflect.String:
		if text == "" {
			return nil // as if it were left out
		}
		if choices != "" && !slices.Contains(allowed, text) {
			return errors.New("is " + enumerate(allowed, "or"))
		}
		field.SetString(text)
	default:
		return fmt.Errorf("is of a type that no option has: %s", field.Type())
	}
	return nil
}

// enumerate joins words as a sentence does.
func enumerate(words []string, last string) string {
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// Size is a number of bytes, written in MiB.
type Size int64

const defaultPartSize Size = 128 << 20

// UnmarshalText reads a size such as 128MiB.
func (s *Size) UnmarshalText(text []byte) error {
	number, found := strings.CutSuffix(string(text), "MiB")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || !found || n < 1 {
		return errors.New("is a number of MiB, such as 128MiB")
	}
	*s = Size(n << 20)
	return nil
}
