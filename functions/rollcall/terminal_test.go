package main

import (
	"strings"
	"testing"
	"unicode"
)

func TestPrintableTextCannotControlTheTerminal(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		width      int
	}{
		"plain":                     {"Olivia Smith", "Olivia Smith", 12},
		"empty":                     {"", "", 0},
		"wide":                      {"𠮷野 真理", "𠮷野 真理", 9},
		"hangul":                    {"서동현", "서동현", 6},
		"combining mark":            {"Cle\u0301ment", "Cle\u0301ment", 7},
		"hebrew":                    {"טליה", "טליה", 4},
		"devanagari":                {"विक्रम", "विक्रम", 5},
		"family":                    {"👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦", 2},
		"pirate flag":               {"🏴‍☠️", "🏴‍☠️", 2},
		"escape sequence":           {"\x1b[31mred\x1b[0m", "␛[31mred␛[0m", 12},
		"title sequence":            {"\x1b]0;owned\a", "␛]0;owned␇", 10},
		"C1 control sequence":       {"a\u009b31mb", `a\u009b31mb`, 11},
		"nul and DEL":               {"\x00\x7f", "␀␡", 2},
		"line breaks":               {"a\nb\rc\td", "a␊b␍c␉d", 7},
		"line separators":           {"a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\u0085d`, 22},
		"right-to-left override":    {"abc\u202egpj.exe", `abc\u202egpj.exe`, 16},
		"isolates and marks":        {"\u2066a\u2069\u200e\u061c", `\u2066a\u2069\u200e\u061c`, 25},
		"zero width":                {"a\u200bb\ufeffc\u2060d\u00ade", `a\u200bb\ufeffc\u2060d\u00ade`, 29},
		"joiner between letters":    {"pay\u200dpal", `pay\u200dpal`, 12},
		"non-joiner in Persian":     {"می\u200cخواهم", "می\u200cخواهم", 7},
		"tags":                      {"a\U000e0041", `a\U000e0041`, 11},
		"private use":               {"\ue000", `\ue000`, 6},
		"not UTF-8":                 {"a\xffb", "a\ufffdb", 3},
		"replacement character":     {"Lone \ufffd", "Lone \ufffd", 6},
		"half of a surrogate, cut":  {"\xed\xa0\xbd", "\ufffd\ufffd\ufffd", 3},
		"variation selector":        {"❤\ufe0f", "❤\ufe0f", 2},
		"no-break space":            {"a\u00a0b", "a\u00a0b", 3},
		"joiner at the start":       {"\u200dא", `\u200dא`, 7},
		"joiner after an override":  {"\u202e\u200d", `\u202e\u200d`, 12},
		"already looks like escape": {`\u202e`, `\u202e`, 6},
	} {
		t.Run(name, func(t *testing.T) {
			got := printable(c.text)
			if got != c.want {
				t.Errorf("%+q is shown as %+q, want %+q", c.text, got, c.want)
			}
			if width := displayWidth(got); width != c.width {
				t.Errorf("%q takes %d columns, want %d", got, width, c.width)
			}
			if twice := printable(got); twice != got {
				t.Errorf("not stable: %q becomes %q", got, twice)
			}
		})
	}
}

func TestFitCutsBetweenGraphemeClusters(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"Olivia", 6, "Olivia"},
		{"Olivia Smith", 6, "Olivi…"},
		{"真理真理", 8, "真理真理"},
		{"真理真理", 7, "真理真…"},
		{"真理真理", 6, "真理…"}, // three wide ones and the ellipsis would be seven
		{"Cle\u0301ment", 4, "Cle\u0301…"},
		{"👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3, "👩‍👩‍👧‍👦…"},
		{"👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 2, "…"},
		{"abc", 1, "…"},
		{"", 1, ""},
	} {
		got := fit(c.text, c.width)
		if got != c.want {
			t.Errorf("fit(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
		if displayWidth(got) > c.width {
			t.Errorf("fit(%q, %d) takes %d columns", c.text, c.width, displayWidth(got))
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"Olivia", "\x1b[2J", "a\u202eb", "👩‍👩‍👧‍👦", "\xff", "می\u200cخواهم"} {
		f.Add(seed, uint8(10))
	}
	f.Fuzz(func(t *testing.T, text string, width uint8) {
		shown := printable(text)
		if i := strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\u200d' && r != '\u200c' }); i >= 0 {
			t.Errorf("%+q is shown as %+q", text, shown)
		}
		columns := max(1, int(width))
		cut := fit(shown, columns)
		if got := displayWidth(padded(cut, columns)); got > columns {
			t.Errorf("%+q cut to %d columns takes %d", shown, columns, got)
		}
	})
}
