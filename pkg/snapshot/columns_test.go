package snapshot

import (
	"slices"
	"testing"
)

func TestAColumnIsPopulatedOnceSomebodyHasSomethingInIt(t *testing.T) {
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
		b := newColumnAudit([]string{"id", "mail"}, nil)
		b.user([]byte(text))
		if got := slices.Contains(b.populated, "mail"); got != want || slices.Contains(b.empty, "mail") == want {
			t.Errorf("%s: populated %t, want %t; left %v", text, got, want, b.empty)
		}
	}
}

func TestColumnsThatWereSeenStayPopulated(t *testing.T) {
	b := newColumnAudit([]string{"id", "mail", "city", "state"}, []string{"city"})
	for _, text := range []string{`{"id":"1","mail":null,"city":null,"state":null}`, `{"id":"2","mail":"a@x","city":null,"state":""}`} {
		b.user([]byte(text))
	}
	if !slices.Equal(b.empty, []string{"state"}) || !slices.Equal(b.populated, []string{"city", "id", "mail"}) {
		t.Errorf("empty %v, populated %v", b.empty, b.populated)
	}
}

// TestAllColumnsOfOneUserAreSeenAtOnce removes several from the list while it is
// walked.
func TestAllColumnsOfOneUserAreSeenAtOnce(t *testing.T) {
	b := newColumnAudit([]string{"a", "b", "c", "d"}, nil)
	b.user([]byte(`{"d":1,"c":null,"b":1,"a":1}`))
	if !slices.Equal(b.empty, []string{"c"}) || len(b.quoted) != 1 || string(b.quoted[0]) != `"c"` {
		t.Errorf("left %v, looked for %s", b.empty, b.quoted)
	}
}
