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
		"proxyAddresses/any(p:startswith(p,'smtp:'))", "identities/any(i : i/issuer eq 'x' and i/issuerAssignedId eq 'y')",
		"assignedLicenses/any(l:l/skuId eq 05e9a617-0261-4cee-bb44-138d3ef5d965)", "not otherMails/any(m:m in ('a','b') or m eq 'c')",
		"assignedLicenses/$count eq 0", "signInActivity/lastSignInDateTime le 2024-01-01", "((((", "'",
	} {
		f.Add(seed)
	}
	people := people.New(people.Config{Seed: 1, Domain: "contoso.example", Hostile: true, Agents: true})
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
	people := people.New(people.Config{Seed: 1, Domain: "contoso.example", Hostile: true, Agents: true})
	f.Fuzz(func(t *testing.T, s string) {
		if q := parse(t, "$search", s); q != nil {
			for index := range 10 {
				u := people.Person(index, nil)
				q.Matcher().Match(&u)
			}
		}
	})
}

func FuzzDelta(f *testing.F) {
	f.Add("$select=id,manager&$filter=id%20eq%20%27a%27%20or%20id%20eq%20%27b%27&$deltatoken=latest")
	f.Add("$skiptoken=x&$deltaToken=y")
	f.Add("%24filter=id/any(i:i eq 'a')")
	f.Fuzz(func(t *testing.T, raw string) {
		d, refusal := query.ParseDelta(raw)
		if refusal == nil {
			_, refusal = d.Query(d.Select)
		}
		if refusal != nil && (refusal.Status < 400 || refusal.Code == "") {
			t.Fatalf("%q: %+v", raw, refusal)
		}
	})
}
