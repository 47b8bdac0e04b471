package page

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/odata"
)

// FuzzSearch has what anybody may type into the search box: the API understands what becomes
// of it, and the box shows it again.
func FuzzSearch(f *testing.F) {
	for _, text := range []string{"anna", `a "b" \c`, `" OR "mail:x`, "AND", "(", "日本", "a:b", `\`, `\"`, "'", "' or 1 eq 1", `" OR `} {
		f.Add(text)
	}
	columns := []string{"displayName", "mail"}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || len(text) > 200 || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return
		}
		search := searchFor(text, columns)
		parsed, err := odata.ParseSearch(search)
		if err != nil || len(parsed.Properties()) != len(columns) {
			t.Fatalf("%q becomes %s: %v", text, search, err)
		}
		if again, ok := typed(parsed.String(), columns); !ok || again != text {
			t.Fatalf("%q becomes %q, %v", text, again, ok)
		}
		if filter, err := odata.ParseFilter(beginning(text, columns)); err != nil || len(filter.Properties()) != len(columns) {
			t.Fatalf("%q becomes %s: %v", text, beginning(text, columns), err)
		}
	})
}
