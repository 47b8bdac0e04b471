package odata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/odata"
)

func TestASearchIsParsedAndWrittenBack(t *testing.T) {
	for given, want := range map[string]string{
		`"displayName:al"`: `"displayName:al"`,
		`"displayName:al"  AND   "mail:x" OR "mail:y"`:       `"displayName:al" AND "mail:x" OR "mail:y"`,
		`("displayName:al" OR "mail:x") AND "department:it"`: `("displayName:al" OR "mail:x") AND "department:it"`,
		`"displayName:a \"b\" c"`:                            `"displayName:a \"b\" c"`,
	} {
		s, err := odata.ParseSearch(given)
		if err != nil || s.String() != want {
			t.Errorf("%s: %v, %v", given, s, err)
		}
	}
	for _, given := range []string{"", "al", `"al"`, `"displayName:"`, `"displayName:al`, `"displayName:al" "mail:x"`, `"a:b" and "c:d"`, `"a:b" AND`, `AND "a:b"`, `("a:b"`, `"a:b")`, "\"a:b\n\"", `"a/b:c"`, `"a:b\"`} {
		if s, err := odata.ParseSearch(given); err == nil {
			t.Errorf("%q was parsed as %v", given, s)
		}
	}
	s, err := odata.ParseSearch(`"displayName:al" AND "mail:x"`)
	if err != nil || !slices.Equal(s.Properties(), []string{"displayName", "mail"}) {
		t.Errorf("%v, %v", s.Properties(), err)
	}
}

func TestLengthIsLimitedAndControlCharactersAreRefused(t *testing.T) {
	const length = 2048
	fits := `"a:` + strings.Repeat("x", length-4) + `"`
	if _, err := odata.ParseSearch(fits); err != nil {
		t.Errorf("%d characters: %v", len(fits), err)
	}
	if _, err := odata.ParseSearch(fits[:4] + fits[3:]); err == nil {
		t.Errorf("%d characters were parsed", len(fits)+1)
	}
	for _, c := range []string{"\x00", "\n", "\r", "\t", "\x1f", "\x7f"} {
		if s, err := odata.ParseSearch(`"a:x` + c + `"`); err == nil {
			t.Errorf("%q was parsed as %s", c, s)
		}
		if f, err := odata.ParseFilter("a eq 'x" + c + "'"); err == nil {
			t.Errorf("%q was parsed as %s", c, f)
		}
	}
}

func TestAClauseEndsOnlyAtItsOwnQuote(t *testing.T) {
	for given, want := range map[string][]string{
		`"a:x\" OR \"b:y"`:      {"a"},
		`"a:x\\" OR "b:y"`:      {"a", "b"},
		`"a:x\\\" OR \"b:y"`:    {"a"},
		`"a:x) OR (b:y"`:        {"a"},
		`"a:b:y"`:               {"a"},
		`(("a:x") OR ("b:\""))`: {"a", "b"},
	} {
		s, err := odata.ParseSearch(given)
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got := s.Properties(); s.String() != given || !slices.Equal(got, want) {
			t.Errorf("%s became %s and names %v, want %v", given, s, got, want)
		}
	}
	for _, given := range []string{`"a:x\\" "b:y"`, `"a:x" OR b:y`, `NOT "a:x"`, `"a:x" OR NOT "b:y"`, `'a:x'`, `“a:x”`, `"a:x\\\"`, `"\"a:x"`} {
		if s, err := odata.ParseSearch(given); err == nil {
			t.Errorf("%s was parsed as %s", given, s)
		}
	}
}

func FuzzASearchIsReadBackAsItself(f *testing.F) {
	f.Add(`("a:b" OR "c:d\"e") AND "f:g"`)
	f.Fuzz(func(t *testing.T, given string) {
		search, err := odata.ParseSearch(given)
		if err != nil {
			return
		}
		if reread, err := odata.ParseSearch(search.String()); err != nil || reread.String() != search.String() {
			t.Errorf("%q was written as %q: %v", given, search, err)
		}
	})
}
