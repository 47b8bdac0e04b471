package bus_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

// FuzzEscapeXML: what SQS and SNS refuse is gone, and what JSON means is not.
func FuzzEscapeXML(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":"b"}`, "{\"a\":\"\uffff\ufffe\"}", "{\"a\\\\\":\"\\\"\uffff\"}", `["\u0000\ud800\uffff"]`, "[\"\xed\xa0\x80\"]", "[\"\xff\"]",
		"[1,\n\t\r 2]", "\"\U0001ffff\U0010fffe\ufffd\"", "\"\u007f\u0085\"", "\"\\\uffff\"",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		escaped := bus.EscapeXML(text)
		bustest.WantXML(t, string(escaped))
		var want, got any
		if json.Unmarshal(text, &want) != nil {
			return
		}
		if err := json.Unmarshal(escaped, &got); err != nil {
			t.Fatalf("%q became %q: %v", text, escaped, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q became %q:\n%s", text, escaped, diff)
		}
		if utf8.Valid(text) && len(escaped) == len(text) && string(escaped) != string(text) {
			t.Errorf("%q became %q", text, escaped)
		}
	})
}

func TestRefusedCharactersBecomeEscapes(t *testing.T) {
	got := string(bus.EscapeXML([]byte("\x00\x1f\x7f\uffff\ufffea\xff")))
	if want := `\u0000\u001f` + "\x7f" + `\uffff\ufffea\ufffd`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTextThatEverybodyTakesIsNotCopied(t *testing.T) {
	text := []byte(`{"displayName":"Zoë 🧑‍🚒"}`)
	if escaped := bus.EscapeXML(text); &escaped[0] != &text[0] {
		t.Error("it was copied")
	}
}
