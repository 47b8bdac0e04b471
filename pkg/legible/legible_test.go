package legible_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/legible"
)

func TestEverythingInATextCanBeSeen(t *testing.T) {
	for text, want := range map[string]string{
		"Olivia Smith": "Olivia Smith", "": "", "𠮷野 真理": "𠮷野 真理", "טליה": "טליה", "👩‍👩‍👧‍👦": "👩‍👩‍👧‍👦",
		"\x1b[31mred": "␛[31mred", "a\u202eb": `a\u202eb`, "pay\u200dpal": `pay\u200dpal`, "\x7f\x00\n": "␡␀␊", "a\xff": "a\ufffd", "\U000e0041": `\U000e0041`,
	} {
		if got := legible.Text(text); got != want {
			t.Errorf("%+q is shown as %+q, want %+q", text, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, text := range []string{"Olivia", "\u202e\u200d", "می\u200cخواهم", "\xed\xa0\xbd", "\U0010ffff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := legible.Text(text)
		if !utf8.ValidString(got) || legible.Text(got) != got {
			t.Fatalf("%+q is shown as %+q", text, got)
		}
		for _, r := range got {
			if !unicode.IsGraphic(r) && r != '\u200c' && r != '\u200d' {
				t.Fatalf("%+q is shown as %+q", text, got)
			}
		}
	})
}
