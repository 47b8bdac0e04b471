package query_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// parse reads one option of a count and checks that it gives either a query or a
// refusal that a client can read.
func parse(t *testing.T, option, value string) *query.Query {
	t.Helper()
	q, refusal := query.Count(option + "=" + url.QueryEscape(value))
	if (q == nil) == (refusal == nil) {
		t.Fatalf("%q: neither a query nor a refusal, or both", value)
	}
	if refusal != nil && (refusal.Status != 400 || refusal.Code == "") {
		t.Fatalf("%q: %+v", value, refusal)
	}
	return q
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"userPrincipalName ge 'a' and userPrincipalName le 'b'",
		"not(startsWith(displayName,'O''Brien')) or accountEnabled eq true",
		"department in ('IT',null) and createdDateTime ge 2024-01-01T00:00:00Z",
		"assignedLicenses/$count eq 0", "signInActivity/lastSignInDateTime le 2024-01-01", "((((", "'",
	} {
		f.Add(seed)
	}
	people := people.New(1, "contoso.example", true)
	f.Fuzz(func(t *testing.T, s string) {
		q := parse(t, "$filter", s)
		if q == nil {
			return
		}
		within, matcher := q.Order.Within, q.Matcher()
		for index := range 50 {
			u := people.Person(index, nil)
			upn := strings.ToLower(u.UserPrincipalName())
			if matcher.Match(&u) && (upn < within.Low || within.High != "" && upn > within.High) {
				t.Fatalf("%q finds %s outside of its range %+v", s, upn, within)
			}
		}
	})
}

func FuzzSearch(f *testing.F) {
	f.Add(`"displayName:a" AND "mail:b" OR "id:c"`)
	f.Add(`"`)
	people := people.New(1, "contoso.example", true)
	f.Fuzz(func(t *testing.T, s string) {
		if q := parse(t, "$search", s); q != nil {
			for index := range 10 {
				u := people.Person(index, nil)
				q.Matcher().Match(&u)
			}
		}
	})
}
