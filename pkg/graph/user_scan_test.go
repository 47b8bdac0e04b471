package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// modelUser reads a user by other means: its id, and what is left of it. ok is false where
// it is no user.
func modelUser(text []byte, selected *selection) (id string, members map[string]any, ok bool) {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' || !utf8.Valid(text) {
		return "", nil, false
	}
	value, ok := modelValue(d, selected, true)
	if _, err := d.ReadToken(); !ok || !errors.Is(err, io.EOF) {
		return "", nil, false
	}
	members = value.(map[string]any)
	id, ok = members["id"].(string)
	ok = ok && id != "" && !strings.ContainsFunc(id, func(r rune) bool { return r < ' ' })
	return id, members, ok
}

func modelValue(d *jsontext.Decoder, selected *selection, keep bool) (any, bool) {
	token, err := d.ReadToken()
	if err != nil || d.StackDepth() > maxDepth {
		return nil, false
	}
	switch token.Kind() {
	case '"':
		return token.String(), true
	case '0':
		number := token.String()
		return json.Number(number), modelNumber(number)
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, ok := modelValue(d, selected, keep)
			if !ok {
				return nil, false
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err == nil
	case '{':
		object, n := map[string]any{}, 0
		for ; d.PeekKind() != '}'; n++ {
			name, err := d.ReadToken()
			if err != nil {
				return nil, false
			}
			text := name.String()
			inner, kept := selected.member(text)
			v, ok := modelValue(d, inner, keep && kept)
			if !ok {
				return nil, false
			}
			if keep && kept {
				for other := range object {
					if strings.EqualFold(other, text) {
						return nil, false
					}
				}
				object[text] = v
			}
		}
		_, err := d.ReadToken()
		return object, err == nil && n <= maxNames
	}
	return token.Kind(), true
}

// modelNumber reports whether a number is one of 64 bits or a finite float with a usual
// exponent.
func modelNumber(number string) bool {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(number), "e")
	whole, _, _ := strings.Cut(mantissa, ".")
	integer, ok := new(big.Int).SetString(whole, 10)
	if !ok || !integer.IsInt64() && !integer.IsUint64() {
		return false
	}
	if scientific {
		power, ok := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
		if !ok || power.CmpAbs(big.NewInt(308)) > 0 {
			return false
		}
	}
	var f float64
	_, err := fmt.Sscan(number, &f)
	return err == nil && !math.IsInf(f, 0)
}

// scanUsers reads several users from one body, each on a line, with one scanner.
func scanUsers(body io.Reader, selected *selection) (users []User, err error) {
	s := newScanner(selected)
	s.reset(body)
	for {
		if _, err := s.next("a user", maxUser); errors.Is(err, io.EOF) {
			return users, nil
		} else if err != nil {
			return users, err
		}
		user, end, err := s.readUser()
		if err != nil {
			return users, err
		}
		users = append(users, User{ID: bytes.Clone(user.ID), Raw: bytes.Clone(user.Raw)})
		s.take(end)
	}
}

func users() []string {
	return []string{
		`{"id":"a"}`, `{"x":1,"id":"a"}`, `{"id":"a","id":"b"}`, `{"id":"a","\u0069d":"b"}`, `{"\u0069d":"a"}`, `{"\u0069d":"a","id":"a"}`, `{"id":"a","ID":"b"}`, `{"ID":"b"}`, `{"Id":"b","x":1}`,
		`{"id":"a","mail":"m","Mail":"n"}`, `{"id":"a","x":1,"X":2}`, `{"id":"a","mail":{"k":1,"\u212a":2}}`, `{"id":"a","mail":{"a":1,"b":[{"a":1},{"a":2,"a":3}]}}`, `{"id":"a","mail":[{"a":1},{"a":2}]}`,
		`{"id":"a","manager":{"id":"m","@odata.type":"#u","displayName":"x"}}`, `{"id":"a","manager":[{"id":"m","x":1},{"x":2}]}`, `{"id":"a","manager":null}`, `{"id":"a","manager":{"x":1}}`,
		`{"@odata.type":"#u","id":"a","@odata.id":"u","mail@odata.type":"#s","x@odata.type":"#s","@removed":{"reason":"changed"},"manager@delta":[],"@x":1}`,
		`{"x":1}`, `{"x":1,"y":2,"id":"a","z":3}`, `{"id":"a","x":1,"y":2}`, `{"x":1,"id":"a","y":2,"mail":"m","z":{"id":"b"}}`, "{\n\"x\" : 1 ,\r\n \"id\" : \"a\" ,\n\"y\":2\n,\n\"mail\":[1,\n2]\n}",
		`{"id":"a","mail":"\ud83d"}`, `{"id":"a","mail":{"\ud83d":1,"\udc00":2}}`, `{"id":"\ud83d"}`, `{"id":"a\u0000b"}`, `{"id":""}`, `{"id":7}`, `{"id":null}`, `{}`, `[]`, `7`, `"id"`,
		"{\"id\":\"a\",\"mail\":\"\u0085\u2028\u2029\",\"\u2028\":1}", "{\"id\":\"a\",\"mail\":{\"\u2028\":1,\"\\u2028\":2}}", `{"id":"a","mail":18446744073709551615}`, `{"id":"a","mail":18446744073709551616}`,
		`{"id":"a","mail":-9223372036854775808}`, `{"id":"a","mail":-9223372036854775809}`, `{"id":"a","mail":1e308}`, `{"id":"a","mail":1e309}`, `{"id":"a","mail":0e999}`, `{"id":"a","mail":18446744073709551616.5}`,
		`{"id":"a","mail":0.00000000000000000000000001}`, `{"id":"a","mail":1.7976931348623159e308}`, `{"id":"a","mail":-0}`, `{"id":"a","":1}`, `{"id":"a","m\u0061il":"x"}`, `{"id":"a","mail":{"\u0022":1,"\"":2}}`,
		`{"id":"a","mail":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, `{"id":"a","mail":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	}
}

// manyMembers is a user with n members besides the id.
func manyMembers(n int) string {
	b := []byte(`{"id":"a"`)
	for i := range n {
		b = fmt.Appendf(b, `,"x%d":%d`, i, i)
	}
	return string(append(b, '}'))
}

func selections() []*selection {
	return []*selection{
		nil, Query{Select: []string{"id"}}.selection(), Query{Select: []string{"id", "mail"}, Expand: "manager($select=id)"}.selection(), {members: map[string]*selection{"id": nil, "manager": nil}, delta: true},
	}
}

// checkUsers makes sure that users are read as a model reads them, whatever users came
// before and however the bytes come.
func checkUsers(t *testing.T, before, text string) {
	t.Helper()
	for _, selected := range selections() {
		id, members, ok := modelUser([]byte(text), selected)
		body := before + "\n" + text
		read, err := scanUsers(strings.NewReader(body), selected)
		if len(read) == 0 && err != nil { // perhaps because of the one before
			read, err = scanUsers(strings.NewReader(text), selected)
		}
		if again, err2 := scanUsers(iotest.OneByteReader(strings.NewReader(body)), selected); err == nil && len(read) > 1 && (err2 != nil || !reflect.DeepEqual(read, again)) {
			t.Fatalf("%q byte by byte: %q, %v; at once: %q", body, again, err2, read)
		}
		var notID fault
		if errors.As(err, &notID) && notID == "a user's id is not a string" || len(id) > maxID-20 {
			continue
		}
		if ok != (err == nil) {
			t.Fatalf("%q after %q is a user: %t; %v", text, before, ok, err)
		}
		if !ok {
			continue
		}
		if len(read) == 0 {
			t.Fatalf("%q: nobody", text)
		}
		user := read[len(read)-1]
		if !jsontext.Value(user.Raw).IsValid() || bytes.ContainsAny(user.Raw, "\r\n\u0085\u2028\u2029") {
			t.Fatalf("%q is left of %q", user.Raw, text)
		}
		_, left, ok := modelUser(user.Raw, nil)
		if !reflect.DeepEqual(members, left) || !ok || string(user.ID) != id { // go-cmp takes for ever over lists 99 deep
			t.Fatalf("%q after %q with %v is %q, %q", text, before, selected, user.ID, user.Raw)
		}
		if selected == nil && !strings.ContainsAny(text, "\\\r\n\u0085\u2028\u2029") && string(user.Raw) != strings.TrimSpace(text) {
			t.Fatalf("%q was changed to %q for nothing", text, user.Raw)
		}
	}
}

func TestAUserIsReadAsAModelReadsHim(t *testing.T) {
	for _, text := range users() {
		for _, before := range users() {
			checkUsers(t, before, text)
		}
	}
	for _, text := range []string{manyMembers(999), manyMembers(1000)} {
		checkUsers(t, `{"x1":1,"id":"a"}`, text)
		checkUsers(t, text, `{"x1":1,"id":"a"}`)
	}
}

func FuzzUserScan(f *testing.F) {
	for i, text := range users() {
		f.Add(users()[i/2], text)
	}
	f.Fuzz(func(t *testing.T, before, text string) {
		if len(before)+len(text) < 10_000 && strings.Trim(text, " \t\r\n") != "" && oneValue(text) {
			checkUsers(t, before, text)
		}
	})
}

// oneValue reports whether a text is not several values.
func oneValue(text string) bool {
	d := jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.SkipValue() != nil {
		return true
	}
	_, err := d.ReadToken()
	return errors.Is(err, io.EOF)
}
