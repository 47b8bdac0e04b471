package list

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// guid writes a GUID of the variant of RFC 9562.
func guid(hi, lo uint64) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	b[8] = b[8]&0x3f | 0x80
	return fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func TestDifferentIDsStayDifferent(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	hi, lo := r.Uint64(), r.Uint64()|mark&^(mark>>1)
	other := r.Uint64() | mark&^(mark>>1)
	// The hash of a GUID is scatter(hi ^ scatter(lo)), without the mark.
	sameHash := hi ^ scatter(lo&0x3fffffffffffffff) ^ scatter(other&0x3fffffffffffffff)
	for name, pair := range map[string][2][]byte{
		"two GUIDs of one hash":               {guid(hi, lo), guid(sameHash, other)},
		"GUIDs that differ in the variant":    {[]byte("6e7b768e-07e2-4810-8459-485f84f8f204"), []byte("6e7b768e-07e2-4810-0459-485f84f8f204")},
		"a GUID and the same without hyphens": {[]byte("6e7b768e-07e2-4810-8459-485f84f8f204"), []byte("6e7b768e07e248108459485f84f8f204")},
		"an id that begins another":           {[]byte("anna"), []byte("anna2")},
	} {
		var s ids
		if s.add(NewID(pair[0])) != unseen || s.add(NewID(pair[1])) != unseen {
			t.Errorf("%s: %s and %s were taken for the same user", name, pair[0], pair[1])
		}
		if s.add(NewID(pair[0])) != repeated || s.add(NewID(pair[1])) != repeated || s.used != 2 || s.marked != 2 {
			t.Errorf("%s: %d used, %d marked after both were added twice", name, s.used, s.marked)
		}
	}
	if NewID(guid(hi, lo)).hash != NewID(guid(sameHash, other)).hash {
		t.Error("the two GUIDs do not share a hash; the test shows nothing")
	}
}

func TestTheCaseOfAGUIDDoesNotMatter(t *testing.T) {
	if lower, upper := NewID([]byte("6e7b768e-07e2-4810-8459-485f84f8f204")), NewID([]byte("6E7B768E-07E2-4810-8459-485F84F8F204")); lower != upper {
		t.Errorf("the same id in capitals is %v, want %v", upper, lower)
	}
}

func TestParseGUIDAcceptsOnlyGUIDs(t *testing.T) {
	for text, want := range map[string]bool{
		"6e7b768e-07e2-4810-8459-485f84f8f204":    true,
		"6E7B768E-07E2-4810-8459-485F84F8F204":    true,
		"6e7b768e-07e2-4810-8459-485f84f8f20":     false,
		"6e7b768e-07e2-4810-8459-485f84f8f2041":   false,
		"6e7b768e-07e2-4810-8459-485f84f8f20g":    false,
		"6e7b768e-07e2-4810-8459-485f84f8f20\xff": false,
		"6e7b768e-07e2-4810-8459_485f84f8f204":    false,
		"6e7b768e-07e2-4810-8459-485f84f8f2-4":    false,
		"":                                        false,
	} {
		if _, _, ok := parseGUID([]byte(text)); ok != want {
			t.Errorf("parseGUID(%q): %t, want %t", text, ok, want)
		}
	}
	hi, lo, _ := parseGUID([]byte("01234567-89ab-cdef-FEDC-ba9876543210"))
	if hi != 0x0123456789abcdef || lo != 0xfedcba9876543210 {
		t.Errorf("parsed %016x %016x", hi, lo)
	}
}

func TestAStoredIDIsReadBack(t *testing.T) {
	for _, text := range []string{"6e7b768e-07e2-4810-8459-485f84f8f204", "anna", ""} {
		want := NewID([]byte(text))
		marked := want
		marked.rest |= mark
		for _, id := range []ID{want, marked} {
			if got := ParseID([IDSize]byte(id.AppendTo(nil))); got != want {
				t.Errorf("%q: read back as %v, want %v", text, got, want)
			}
		}
	}
}
