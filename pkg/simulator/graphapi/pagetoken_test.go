package graphapi

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
)

func FuzzPageToken(f *testing.F) {
	key := []byte("key")
	token := pageToken{page: 3, place: directory.Place{Key: "a", At: -7}, chain: 9, started: time.UnixMilli(1234), poisoned: true, advanced: true, repeat: 5, hash: [8]byte{1, 2}}
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

func FuzzDeltaToken(f *testing.F) {
	key := []byte("key")
	token := deltaToken{page: 3, chain: 9, issued: time.UnixMilli(1234), initial: true, from: 5, to: -1, resume: -7, selected: []string{"id", "mail"}, among: []string{"a"}}
	f.Add(token.encode(key))
	f.Add(deltaToken{selected: []string{}}.encode(key))
	f.Add("RFNwdAI")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := decodeDeltaToken(key, s)
		if ok && p.encode(key) != s {
			t.Fatalf("%q is a token, and is written %q", s, p.encode(key))
		}
	})
}

func TestAPageTokenStartsAsTheServicesDo(t *testing.T) {
	token := pageToken{page: 2, place: directory.Place{At: 999}}.encode([]byte("key"))
	if !strings.HasPrefix(token, "RFNwdA") || strings.ContainsAny(token, "+/=") {
		t.Errorf("%s", token)
	}
}
