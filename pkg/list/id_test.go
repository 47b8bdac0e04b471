package list

import (
	"math/rand/v2"
	"testing"
)

func TestIDsNeverTakesOneUserForAnother(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	hi, lo := r.Uint64(), r.Uint64()|mark&^(mark>>1)
	other := r.Uint64() | mark&^(mark>>1)
	// The hash of a GUID is scatter(hi ^ scatter(lo)), without the mark.
	sameHash := hi ^ scatter(lo&0x3fffffffffffffff) ^ scatter(other&0x3fffffffffffffff)
	for name, pair := range map[string][2][]byte{
		"two GUIDs of one hash":             {guid(hi, lo), guid(sameHash, other)},
		"GUIDs that differ in the variant":  {[]byte("6e7b768e-07e2-4810-8459-485f84f8f204"), []byte("6e7b768e-07e2-4810-0459-485f84f8f204")},
		"a GUID and the same without lines": {[]byte("6e7b768e-07e2-4810-8459-485f84f8f204"), []byte("6e7b768e07e248108459485f84f8f204")},
		"ids of which one begins the other": {[]byte("anna"), []byte("anna2")},
	} {
		var s ids
		if s.add(NewID(pair[0])) != unseen || s.add(NewID(pair[1])) != unseen {
			t.Errorf("%s: %s and %s were taken for one", name, pair[0], pair[1])
		}
		if s.add(NewID(pair[0])) != repeated || s.add(NewID(pair[1])) != repeated || s.used != 2 || s.marked != 2 {
			t.Errorf("%s: %d used, %d marked after both came twice", name, s.used, s.marked)
		}
	}
	if NewID(guid(hi, lo)).hash != NewID(guid(sameHash, other)).hash {
		t.Error("the two GUIDs do not share a hash; the test shows nothing")
	}
}

func TestAUserMetTwiceInALaterPassCountsOnce(t *testing.T) {
	var s ids
	s.add(NewID([]byte("anna")))
	s.newPass()
	for i, want := range []verdict{earlier, repeated, repeated} {
		if got := s.add(NewID([]byte("anna"))); got != want {
			t.Errorf("meeting %d: %v, want %v", i+1, got, want)
		}
	}
	if s.marked != 1 {
		t.Errorf("the later pass counts %d users", s.marked)
	}
}
