package graph

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanValue reads a body that is one value. It returns how much of it the value is.
func scanValue(body io.Reader, limit int) (end int, err error) {
	var s scanner
	s.reset(body)
	if _, err = s.next("the value", limit); err != nil {
		return 0, err
	}
	if end, err = s.value(0, 0, nil); err != nil {
		return 0, err
	}
	switch _, err = s.skip(end); {
	case errors.Is(err, io.EOF):
		return end, nil
	case err != nil:
		return 0, err
	}
	return 0, s.bad(end)
}

// jsons are valid and invalid values, most of them on the edge.
func jsons() []string {
	all := strings.Fields(`null nul nulL true tru false fals "" " "a "a" "\ "\" "\\" "\/\b\f\n\r\t" "\x" "\u" "\u0" "\u12" "\u123" "\u1234" "\u12g4" "\ud83d" "\ud83d\ude00"
		"\uD83D\u" "\udc00" 0 -0 -1 - -a 00 01 -01 1. 1.0 .5 0.5 1e 1e5 1E+5 1e-5 1e+ 1e- 1.e5 1e5.5 +1 0x1 12345678901234567890 1e999 -1e-999 NaN Infinity
		[] [ ] [] [1] [1,] [,1] [1,2] [1 [[]] [[[]]] ]] {} { } {"a":1} {"a":1,} {,"a":1} {"a"} {"a":} {"a",1} {a:1} {"a":1"b":2} {"a":{"b":[{}]}} {1:2} {"a":1}} 1,2
		"\xff" "\u2028" 'a' //`)
	long := strings.Repeat("a", 70_000)
	return append(all, "", " ", "\n1\r\n", "[ 1 ,\t2 ]", "{ \"a\" : 1 , \"b\" : 2 }", "\"a\tb\"", "\"a\x00\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\xe2\x82\"",
		"\"Zoë 🧑‍🚒 \u0085\u2028\u2029\"", "\ufeff1", "1 2", "1\x00", "[1\v]", `"`+long+`"`, `"`+long, "["+strings.Repeat("1,", 40_000)+"1]",
		strings.Repeat("[", 100)+strings.Repeat("]", 100), strings.Repeat(`{"a":`, 99)+"1"+strings.Repeat("}", 99))
}

// checkValue makes sure that the scanner takes exactly what jsontext takes, however the
// bytes come.
func checkValue(t *testing.T, text []byte) {
	t.Helper()
	var beyond fault
	end, err := scanValue(bytes.NewReader(text), len(text)+1)
	if errors.As(err, &beyond) && utf8.Valid(text) {
		return // it is refused for what it says, see checkFault
	}
	valid := jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) && utf8.Valid(text)
	if valid != (err == nil) {
		t.Fatalf("%q is valid: %t; %v", text, valid, err)
	}
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); valid && end != len(bytes.TrimRight(trimmed, " \t\r\n")) {
		t.Errorf("%q ends at %d", text, end)
	}
	if len(text) < 1000 {
		again, err2 := scanValue(iotest.OneByteReader(bytes.NewReader(text)), len(text)+1)
		if again != end || (err2 == nil) != (err == nil) {
			t.Errorf("%q byte by byte: %d, %v; at once: %d, %v", text, again, err2, end, err)
		}
	}
}

func TestTheScannerTakesWhatJSONIsAndNothingElse(t *testing.T) {
	for _, text := range jsons() {
		checkValue(t, []byte(text))
	}
}

func FuzzScannerTakesWhatJSONTextTakes(f *testing.F) {
	for _, text := range jsons() {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(checkValue)
}

// filler fills what it is given, as chunked bodies do.
type filler struct {
	rest string
	read int
}

func (f *filler) Read(p []byte) (int, error) {
	n := copy(p, f.rest)
	f.rest, f.read = f.rest[n:], f.read+n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestAUserDoesNotWaitForMoreOfABodyThanHasComeAlready(t *testing.T) {
	user := `{"id":"a","displayName":"` + strings.Repeat("b", 400) + `"}`
	body := &filler{rest: strings.Repeat(user+"\n", 1000)}
	s := newScanner(nil)
	s.reset(body)
	for users := 1; users <= 1000; users++ {
		if _, err := s.next("a user", maxUser); err != nil {
			t.Fatal(err)
		}
		_, end, err := s.readUser()
		if err != nil {
			t.Fatal(err)
		}
		s.take(end)
		if needed := users * (len(user) + 1); body.read > max(firstRead, 2*needed) {
			t.Fatalf("user %d, of %d bytes, is read after %d", users, needed, body.read)
		}
	}
}
