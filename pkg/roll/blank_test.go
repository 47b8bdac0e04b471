package roll

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
		b := newBlanks([]string{"id", "mail"}, nil)
		b.see([]byte(text))
		if got := slices.Contains(b.populated, "mail"); got != want || slices.Contains(b.names, "mail") == want {
			t.Errorf("%s: populated %t, want %t; left %v", text, got, want, b.names)
		}
	}
}

func TestColumnsThatWereSeenStayPopulated(t *testing.T) {
	b := newBlanks([]string{"id", "mail", "city", "state"}, []string{"city"})
	for _, text := range []string{`{"id":"1","mail":null,"city":null,"state":null}`, `{"id":"2","mail":"a@x","city":null,"state":""}`} {
		b.see([]byte(text))
	}
	if !slices.Equal(b.names, []string{"state"}) || !slices.Equal(b.populated, []string{"city", "id", "mail"}) {
		t.Errorf("empty %v, populated %v", b.names, b.populated)
	}
}

// TestAllColumnsOfOneUserAreSeenAtOnce removes several from the list while it is
// walked.
func TestAllColumnsOfOneUserAreSeenAtOnce(t *testing.T) {
	b := newBlanks([]string{"a", "b", "c", "d"}, nil)
	b.see([]byte(`{"d":1,"c":null,"b":1,"a":1}`))
	if !slices.Equal(b.names, []string{"c"}) || len(b.quoted) != 1 || string(b.quoted[0]) != `"c"` {
		t.Errorf("left %v, looked for %s", b.names, b.quoted)
	}
}
