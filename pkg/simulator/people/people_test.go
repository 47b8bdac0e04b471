package people

import (
	"strings"
	"testing"
)

func TestWalkUPNVisitsEveryUserInOrder(t *testing.T) {
	people := New(Config{Seed: 1, Domain: "contoso.example"})
	const extent = 40_000
	for _, descending := range []bool{false, true} {
		last, n := "", 0
		people.WalkUPN(extent, Range{}, descending, -1, func(index int) bool {
			u := people.Person(index, nil)
			upn := strings.ToLower(u.UserPrincipalName())
			if n > 0 && (upn > last) == descending {
				t.Fatalf("%s and %s are in the wrong order", last, upn)
			}
			last, n = upn, n+1
			return true
		})
		if n != extent {
			t.Errorf("%d users, want %d", n, extent)
		}
	}
}

func TestNamesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	cultures := readCultures()
	n := len(cultures) * culturePairs
	if lines := strings.Count(namesText, "\n") - strings.Count(namesText, "#"); len(cultures) < 12 || lines != len(cultures) {
		t.Errorf("%d cultures of %d lines have %d given names and %d surnames", len(cultures), lines, givenNames, surnames)
	}
	for i := range n {
		p := pairAt(cultures, i)
		base := string(p.appendBase(nil))
		if seen[base] {
			t.Errorf("%s is there twice", base)
		}
		seen[base] = true
		if base[0] == '.' || strings.HasSuffix(base, ".") || strings.Count(base, ".") != 1 ||
			strings.Trim(base, "abcdefghijklmnopqrstuvwxyz.-'") != "" {
			t.Errorf("%q is not a sign-in name", base)
		}
		for _, text := range []string{string(p.appendDisplay(nil)), p.given.native, p.surname.native} {
			if text == "" || strings.ContainsAny(text, "\"\\\n_/") {
				t.Errorf("%q is not a name", text)
			}
		}
	}
	if stride*inverse(stride, n)%n != 1 {
		t.Errorf("the stride does not reach each of %d pairs", n)
	}
}
