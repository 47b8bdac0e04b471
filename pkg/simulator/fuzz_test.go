package simulator

import (
	"strings"
	"testing"
	"time"
)

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"userPrincipalName ge 'a' and userPrincipalName le 'b'",
		"not(startsWith(displayName,'O''Brien')) or accountEnabled eq true",
		"department in ('IT',null) and createdDateTime ge 2024-01-01T00:00:00Z",
		"assignedLicenses/$count eq 0", "signInActivity/lastSignInDateTime le 2024-01-01", "((((", "'",
	} {
		f.Add(seed)
	}
	people := newPeople(1, DefaultDomain, true)
	f.Fuzz(func(t *testing.T, s string) {
		node, refusal := parseFilter(s)
		if (node == nil) == (refusal == nil) {
			t.Fatalf("%q: neither a filter nor a refusal, or both", s)
		}
		if refusal != nil {
			if refusal.status != 400 || refusal.code == "" {
				t.Fatalf("%q: %+v", s, refusal)
			}
			return
		}
		span := node.upnSpan()
		var e evaluation
		for index := range uint64(50) {
			u := people.person(index)
			matched := e.match(node, &u)
			upn := foldKey(string(u.appendUPN(nil)))
			if matched && (upn < span.lo || span.hi != "" && upn > span.hi) {
				t.Fatalf("%q finds %s outside of its span %+v", s, upn, span)
			}
		}
	})
}

func FuzzPageToken(f *testing.F) {
	key := []byte("key")
	token := pageToken{page: 3, position: -7, chain: 9, started: time.UnixMilli(1234), poisoned: true, advanced: true, repeat: 5, hash: [8]byte{1, 2}}
	f.Add(token.encode(key))
	f.Add("RFNwdAE")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := decodePageToken(key, s)
		if ok && p.encode(key) != s {
			t.Fatalf("%q is a token, and is written %q", s, p.encode(key))
		}
		if ok && p.page < 0 {
			t.Fatalf("%q is page %d", s, p.page)
		}
	})
}

func FuzzSearch(f *testing.F) {
	f.Add(`"displayName:a" AND "mail:b" OR "id:c"`)
	f.Add(`"`)
	people := newPeople(1, DefaultDomain, true)
	f.Fuzz(func(t *testing.T, s string) {
		expr, refusal := parseSearch(s)
		if (len(expr) == 0) == (refusal == nil) {
			t.Fatalf("%q: neither a search nor a refusal, or both", s)
		}
		for index := range uint64(10) {
			u := people.person(index)
			_ = refusal == nil && expr.match(&u)
		}
	})
}

func FuzzParseFault(f *testing.F) {
	f.Add("503@list:3x2")
	f.Add("500x*")
	f.Fuzz(func(t *testing.T, s string) {
		fault, err := ParseFault(s)
		if err != nil {
			return
		}
		again, err := ParseFault(fault.String())
		if err != nil || again != fault {
			t.Fatalf("%q is %+v, written %q, read %+v, %v", s, fault, fault, again, err)
		}
	})
}

func TestAPageTokenStartsAsTheServicesDo(t *testing.T) {
	token := pageToken{page: 2, position: 999}.encode([]byte("key"))
	if !strings.HasPrefix(token, "RFNwdA") || strings.ContainsAny(token, "+/=") {
		t.Errorf("%s", token)
	}
}

func TestSignInNamesSortAsTheWalkSupposes(t *testing.T) {
	people := newPeople(1, DefaultDomain, false)
	const extent = 40_000
	for _, desc := range []bool{false, true} {
		last, n := "", 0
		upnWalk{people: people, extent: extent, desc: desc}.run(0, false, func(index uint64) bool {
			u := people.person(index)
			upn := foldKey(string(u.appendUPN(nil)))
			if n > 0 && (upn > last) == desc {
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

func TestTheNamesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	cultures := readCultures()
	n := uint64(len(cultures)) * bearers
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
			t.Errorf("%q is no sign-in name", base)
		}
		for _, text := range []string{string(p.appendDisplay(nil)), p.given.native, p.surname.native} {
			if text == "" || strings.ContainsAny(text, "\"\\\n_/") {
				t.Errorf("%q is no name", text)
			}
		}
	}
	if stride*inverse(stride, n)%n != 1 {
		t.Errorf("the stride does not reach each of %d pairs", n)
	}
}

func TestUnmixUndoesMix(t *testing.T) {
	for x := uint64(1); x != 0; x <<= 1 {
		for _, y := range []uint64{x, x - 1, ^x, x * 0x9e3779b97f4a7c15} {
			if unmix(mix(y)) != y {
				t.Fatalf("%x", y)
			}
		}
	}
}
