package snapshot

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/list"
)

func TestAColumnIsPopulatedOnceAUserHasAValue(t *testing.T) {
	for text, want := range map[string]bool{
		`{"id":"1","mail":"a@x"}`:                                 true,
		`{"id":"1","mail":"0"}`:                                   true,
		`{"id":"1","mail":0}`:                                     true,
		`{"id":"1","mail":false}`:                                 true,
		`{"id":"1","mail":["a@x"]}`:                               true,
		`{"id":"1","mail":{"at":"x"}}`:                            true,
		`{"id":"1","mail":" "}`:                                   true,
		`{ "id" : "1" , "mail" : "a@x" }`:                         true,
		`{"id":"1","mail":null}`:                                  false,
		`{"id":"1","mail":""}`:                                    false,
		`{"id":"1","mail":[]}`:                                    false,
		`{"id":"1","mail":{}}`:                                    false,
		`{"id":"1"}`:                                              false,
		`{"id":"1","mail" : null}`:                                false,
		`{"id":"1","other":"\"mail\":\"a@x\""}`:                   false,
		`{"id":"1","other":"mail"}`:                               false,
		`{"id":"1","other":{"mail":"a@x"}}`:                       false,
		`{"id":"1","other":[{"mail":"a@x"}],"mail":null}`:         false,
		`{"id":"1","other":{"mail":null},"mail":"a@x"}`:           true,
		`{"id":"1","mail":null,"mailNickname":"a","othermail":1}`: false,
		`{"id":"1","mail":"null"}`:                                true,
	} {
		a := newColumnAudit([]string{"id", "mail"}, written{})
		a.user(list.NewID([]byte("1")), []byte(text), nil)
		if got := slices.Contains(a.populated, "mail"); got != want || slices.Contains(a.empty, "mail") == want {
			t.Errorf("%s: populated %t, want %t; empty %v", text, got, want, a.empty)
		}
	}
}

func TestAPopulatedColumnStaysPopulated(t *testing.T) {
	a := newColumnAudit([]string{"id", "mail", "city", "state"}, written{Populated: []string{"city"}})
	for _, text := range []string{`{"id":"1","mail":null,"city":null,"state":null}`, `{"id":"2","mail":"a@x","city":null,"state":""}`} {
		a.user(list.NewID([]byte("1")), []byte(text), nil)
	}
	if !slices.Equal(a.empty, []string{"state"}) || !slices.Equal(a.populated, []string{"city", "id", "mail"}) {
		t.Errorf("empty %v, populated %v", a.empty, a.populated)
	}
}

// TestOneUserCanPopulateSeveralColumns has several removed while the empty ones are visited.
func TestOneUserCanPopulateSeveralColumns(t *testing.T) {
	a := newColumnAudit([]string{"a", "b", "c", "d"}, written{})
	a.user(list.NewID([]byte("1")), []byte(`{"d":1,"c":null,"b":1,"a":1}`), nil)
	if !slices.Equal(a.empty, []string{"c"}) || len(a.quoted) != 1 || string(a.quoted[0]) != `"c"` {
		t.Errorf("empty %v, looked for as %s", a.empty, a.quoted)
	}
}

func TestValuesAreCountedExactlyInSmallListsAndBySampleInLargeOnes(t *testing.T) {
	for n, tolerated := range map[int]int{1000: 0, sampleAll: 0, 200_000: 6000} {
		a := newColumnAudit([]string{"id", "mail", "city"}, written{})
		for i := range n {
			mail := "null"
			if i%4 == 0 {
				mail = `"a@x"`
			}
			id := fmt.Sprintf("%08x-07e2-4810-8459-%012x", i, i)
			a.user(list.NewID([]byte(id)), fmt.Appendf(nil, `{"id":%q,"mail":%s}`, id, mail), &n)
		}
		for name, want := range map[string]int{"id": n, "mail": n / 4, "city": 0} {
			if got := a.values()[name]; got < want-tolerated || got > want+tolerated {
				t.Errorf("%d users: %d with a %s, want about %d", n, got, name, want)
			}
		}
	}
}
