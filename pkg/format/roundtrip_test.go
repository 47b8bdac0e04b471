package format_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// hostileTexts are contents of JSON strings that break careless writers and
// readers, with their decoded text.
func hostileTexts() map[string]struct{ escaped, want string } {
	return map[string]struct{ escaped, want string }{
		"quote":                   {`She said \"no\"`, `She said "no"`},
		"only a quote":            {`\"`, `"`},
		"comma":                   {`Doe, Jane`, "Doe, Jane"},
		"line feed":               {`Line\nbreak`, "Line\nbreak"},
		"carriage return":         {`Line\rbreak`, "Line\rbreak"},
		"both":                    {`Line\r\nbreak`, "Line\r\nbreak"},
		"both at the end":         {`Line\r\n`, "Line\r\n"},
		"tab":                     {`\tTab\t`, "\tTab\t"},
		"nul":                     {`a\u0000b`, "a\x00b"},
		"bell":                    {`a\u0007b`, "a\ab"},
		"escape sequence":         {`\u001b[31mred\u001b[0m`, "\x1b[31mred\x1b[0m"},
		"DEL and C1":              {"\\u007f\x7f\\u0085", "\x7f\x7f\u0085"},
		"line separator":          {"a\u2028b\\u2029c", "a\u2028b\u2029c"},
		"right-to-left override":  {"a\u202eb", "a\u202eb"},
		"byte order mark":         {"\ufeffa", "\ufeffa"},
		"emoji":                   {"👩‍👩‍👧‍👦 🏴‍☠️", "👩‍👩‍👧‍👦 🏴‍☠️"},
		"escaped pair":            {`\ud83d\ude00`, "😀"},
		"high half":               {`Lone \ud83d surrogate`, "Lone \ufffd surrogate"},
		"low half":                {`Lone \ude00`, "Lone \ufffd"},
		"halves the wrong way":    {`\ude00\ud83d`, "\ufffd\ufffd"},
		"half before an escape":   {`\ud83d\n`, "\ufffd\n"},
		"formula":                 {`=cmd|' /C calc'!A0`, `=cmd|' /C calc'!A0`},
		"at":                      {`@SUM(1+1)`, `@SUM(1+1)`},
		"plus":                    {`+1 (555) 0100`, `+1 (555) 0100`},
		"minus":                   {`-2+3`, `-2+3`},
		"end of COPY":             {`\\.`, `\.`},
		"back and forward slash":  {`C:\\x\/y`, `C:\x/y`},
		"white space around":      {`  a  `, "  a  "},
		"other white space first": {"\u00a0a", "\u00a0a"},
		"empty":                   {``, ""},
		"looks like null":         {`null`, "null"},
		"looks like a user":       {`{\"id\":\"x\"}`, `{"id":"x"}`},
		"looks like the end":      {`],\"@rollcall.complete\":true}`, `],"@rollcall.complete":true}`},
		"script":                  {`</script>`, "</script>"},
		"long":                    {strings.Repeat("Ω", 70_000), strings.Repeat("Ω", 70_000)},
	}
}

// hostileUser has the text twice, so that it occurs inside a line and at its end.
func hostileUser(escaped string) []byte {
	return fmt.Appendf(nil, `{"id":"1","displayName":"%s","mail":null,"manager":{"id":"%s"}}`, escaped, escaped)
}

func TestEveryHostileTextSurvivesNDJSON(t *testing.T) {
	for name, text := range hostileTexts() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := format.NewNDJSON(&out)
			raw := hostileUser(text.escaped)
			if err := w.User(raw); err != nil {
				t.Fatal(err)
			}
			if err := w.Complete(true); err != nil {
				t.Fatal(err)
			}
			lines := bytes.Split(out.Bytes(), []byte("\n"))
			if len(lines) != 3 {
				t.Fatalf("%d lines, want the user, the closing record and nothing", len(lines))
			}
			if !bytes.Equal(lines[0], raw) {
				t.Errorf("re-encoded: %q", lines[0])
			}
			var user struct{ DisplayName string }
			if err := json.Unmarshal(lines[0], &user); err != nil {
				t.Fatal(err)
			}
			if user.DisplayName != text.want {
				t.Errorf("read back %q, want %q", user.DisplayName, text.want)
			}
		})
	}
}

func TestEveryHostileTextSurvivesJSON(t *testing.T) {
	var out bytes.Buffer
	w := format.NewJSON(&out)
	var want []string
	for _, text := range hostileTexts() {
		if err := w.User(hostileUser(text.escaped)); err != nil {
			t.Fatal(err)
		}
		want = append(want, text.want)
	}
	if err := w.Complete(true); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Value    []struct{ DisplayName string }
		Count    int  `json:"@odata.count"`
		Complete bool `json:"@rollcall.complete"`
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, user := range list.Value {
		got = append(got, user.DisplayName)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if list.Count != len(want) || !list.Complete {
		t.Errorf("closed with %d, %t", list.Count, list.Complete)
	}
}

func TestEveryHostileTextSurvivesCSV(t *testing.T) {
	for name, text := range hostileTexts() {
		t.Run(name, func(t *testing.T) {
			got := writeCSV(t, []string{"displayName", "mail", "manager"}, hostileUser(text.escaped))
			want := [][]string{{"displayName", "mail", "manager"}, {text.want, "", text.want}}
			records, err := parseCSV(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, records); diff != "" {
				t.Errorf("parsed as strict RFC 4180:\n%s", diff)
			}
			records, err = csv.NewReader(bytes.NewReader(got)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			// encoding/csv turns \r\n within a field into \n, whoever wrote it.
			seen := strings.ReplaceAll(text.want, "\r\n", "\n")
			if diff := cmp.Diff([]string{seen, "", seen}, records[1]); diff != "" {
				t.Errorf("read by encoding/csv:\n%s", diff)
			}
		})
	}
}

func writeCSV(t testing.TB, columns []string, users ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := format.NewCSV(&out, columns)
	for _, raw := range users {
		if err := w.User(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Complete(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
