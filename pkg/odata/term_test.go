package odata_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/odata"
)

func TestAlternativesAreWhatInAndOrList(t *testing.T) {
	for filter, want := range map[string]int{
		"a eq 1":                                       1,
		"a eq 1 and b eq 2":                            1,
		"a eq 1 or b eq 2 or not (c eq 3)":             3,
		"a in (1,2,3) and b in (1,2)":                  3,
		"(a in (1,2,3) or b in (1,2)) and c eq 1":      5,
		"a/any(x:x eq 1 or x eq 2) or b/any()":         3,
		"a eq 1 and (b eq 1 or (c eq 1 and d in (1)))": 2,
	} {
		f, err := odata.ParseFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Alternatives(); got != want {
			t.Errorf("%s: %d, want %d", filter, got, want)
		}
	}
}

func TestTheTermsOfAFilterAreItsConditions(t *testing.T) {
	for filter, want := range map[string][]odata.Term{
		"department eq 'Sales'":                                                       {{Property: "department", Operator: "eq", Values: 1, Longest: 5}},
		"mail eq null or not startsWith(mail,'a')":                                    {{Property: "mail", Operator: "eq", Null: true, Values: 1, Longest: 4}, {Property: "mail", Operator: "startsWith", Negated: true, Values: 1, Longest: 1}},
		"not (a eq 1 and not (b eq 2)) and c ne 3":                                    {{Property: "a", Operator: "eq", Negated: true, Values: 1, Longest: 1}, {Property: "b", Operator: "eq", Negated: true, Values: 1, Longest: 1}, {Property: "c", Operator: "ne", Values: 1, Longest: 1}},
		"id in ('a','bcd')":                                                           {{Property: "id", Operator: "in", Values: 2, Longest: 3}},
		"assignedLicenses/$count eq 0":                                                {{Property: "assignedLicenses", Operator: "eq", Count: true, Values: 1, Longest: 1}},
		"signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z":                   {{Property: "signInActivity", Operator: "le", Values: 1, Longest: 20}},
		"proxyAddresses/any()":                                                        {{Property: "proxyAddresses", Operator: "any"}},
		"proxyAddresses/any(p:endsWith(p,'x'))":                                       {{Property: "proxyAddresses", Operator: "endsWith", Values: 1, Longest: 1}},
		"identities/any(c:c/issuerAssignedId eq 'a' and c/issuer eq 'b' or d eq 'e')": {{Property: "identities", Operator: "eq", Values: 1, Longest: 1}, {Property: "identities", Operator: "eq", Values: 1, Longest: 1}, {Property: "d", Operator: "eq", Values: 1, Longest: 1}},
		"a/any(x:x/b/any(y:y eq 'c' and x/d eq 'e'))":                                 {{Property: "a", Operator: "eq", Values: 1, Longest: 1}, {Property: "a", Operator: "eq", Values: 1, Longest: 1}},
		"endsWith(mail,'@x') eq false":                                                {{Property: "mail", Operator: "endsWith", Negated: true, Values: 1, Longest: 2}},
	} {
		f, err := odata.ParseFilter(filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if diff := cmp.Diff(want, f.Terms()); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}
}
