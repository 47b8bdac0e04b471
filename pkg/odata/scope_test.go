package odata

import (
	"slices"
	"strings"
	"testing"
)

func TestAVariableIsKnownInsideItsLambdaOnly(t *testing.T) {
	for given, want := range map[string][]string{
		"a/any(mail:mail eq 'x') and mail eq 'y'":                 {"a", "mail"},
		"mail eq 'y' or a/any(mail:mail eq 'x')":                  {"mail", "a"},
		"a/any(mail:mail eq 'x') or b/any(v:v eq mail/x)":         nil,
		"a/any(mail:mail eq 'x') or b/any(v:mail eq 'x')":         {"a", "b", "mail"},
		"a/any(x:x/b/any(mail:mail eq 1) and mail eq 2)":          {"a", "mail"},
		"a/any(x:x/b/any(y:y eq 1) and x eq 2) and x0 eq 3":       {"a", "x0"},
		"a/any(x:x eq 1 and x0 eq 2)":                             {"a", "x0"},
		"not (a/all(mail:startsWith(mail,'x'))) and mail in ('')": {"a", "mail"},
	} {
		f, err := ParseFilter(given)
		if want == nil {
			if err == nil {
				t.Errorf("%s was understood as %s", given, f)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", given, err)
		} else if got := f.Properties(); !slices.Equal(got, want) {
			t.Errorf("%s names %v, want %v", given, got, want)
		}
	}
}

func TestOnlyCountIsAPathsSegmentWithADollar(t *testing.T) {
	for _, given := range []string{"a/$ref eq 1", "a/$value eq 'x'", "a/$it eq 1", "a/$filter eq 1", "a/$COUNT eq 1", "a/$counts eq 1", "$it eq 1"} {
		if f, err := ParseFilter(given); err == nil {
			t.Errorf("%s was understood as %s", given, f)
		}
	}
}

func TestAWordThatIsNoValueIsRefused(t *testing.T) {
	for _, word := range []string{
		"e", "E", "T", "z", "tZ", "-", "--1", "-e", "a-b-c-d-e", "-----", ".5", "x0", "mail", "truE-", "null.", "duration'P1D'",
		"6e7b768e-07e2-4810-8459-485f84f8f20", "6e7b768e-07e2-4810-8459-485f84f8f204a", "ge7b768e-07e2-4810-8459-485f84f8f204",
	} {
		for _, given := range []string{"a eq " + word, "a in (1," + word + ")", "a/any(v:v eq " + word + ")"} {
			if f, err := ParseFilter(given); err == nil {
				t.Errorf("%s was understood as %s", given, f)
			}
		}
	}
}

func TestDepthIsOfBracketsAndNotOfLength(t *testing.T) {
	long := strings.Repeat("(a eq 1) or not b eq 2 and ", 60) + "c eq 3"
	if _, err := ParseFilter(long); err != nil {
		t.Errorf("a long, flat filter: %v", err)
	}
	nested := func(n int) string { return strings.Repeat("(", n) + "a eq 1" + strings.Repeat(")", n) }
	if _, err := ParseFilter(nested(maxDepth - 1)); err != nil {
		t.Errorf("%d brackets: %v", maxDepth-1, err)
	}
	if _, err := ParseFilter(nested(maxDepth)); err == nil {
		t.Errorf("%d brackets were understood", maxDepth)
	}
}

func TestASearchIsBoundedAndHoldsNoControlCharacter(t *testing.T) {
	fits := `"a:` + strings.Repeat("x", maxLength-4) + `"`
	if _, err := ParseSearch(fits); err != nil {
		t.Errorf("%d characters: %v", len(fits), err)
	}
	if _, err := ParseSearch(fits[:4] + fits[3:]); err == nil {
		t.Errorf("%d characters were understood", len(fits)+1)
	}
	for _, c := range []string{"\x00", "\n", "\r", "\t", "\x1f", "\x7f"} {
		if s, err := ParseSearch(`"a:x` + c + `"`); err == nil {
			t.Errorf("%q was understood as %s", c, s)
		}
		if f, err := ParseFilter("a eq 'x" + c + "'"); err == nil {
			t.Errorf("%q was understood as %s", c, f)
		}
	}
}

func TestAClauseEndsAtItsOwnQuoteOnly(t *testing.T) {
	for given, want := range map[string][]string{
		`"a:x\" OR \"b:y"`:      {"a"},
		`"a:x\\" OR "b:y"`:      {"a", "b"},
		`"a:x\\\" OR \"b:y"`:    {"a"},
		`"a:x) OR (b:y"`:        {"a"},
		`"a:b:y"`:               {"a"},
		`(("a:x") OR ("b:\""))`: {"a", "b"},
	} {
		s, err := ParseSearch(given)
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got := s.Properties(); s.String() != given || !slices.Equal(got, want) {
			t.Errorf("%s became %s and names %v, want %v", given, s, got, want)
		}
	}
	for _, given := range []string{`"a:x\\" "b:y"`, `"a:x" OR b:y`, `NOT "a:x"`, `"a:x" OR NOT "b:y"`, `'a:x'`, `“a:x”`, `"a:x\\\"`, `"\"a:x"`} {
		if s, err := ParseSearch(given); err == nil {
			t.Errorf("%s was understood as %s", given, s)
		}
	}
}
