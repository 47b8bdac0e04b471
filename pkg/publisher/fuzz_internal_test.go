package publisher

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzTenants has a tenants file that anybody may have written.
func FuzzTenants(f *testing.F) {
	for _, text := range []string{
		`[]`, `[{"tenant":"11111111-2222-4333-8444-555555555555","credentials":"secretsmanager:rollcall/a"}]`, `null`, `[null]`, `{}`, `[{}]`, `[[]]`, `[{"tenant":7}]`, `[] []`,
		`[{"tenant":"a","credentials":"b","ClientSecret":"abc8Q~canarycanarycanarycanarycanarycan"}]`, `[{"tenant":"a","tenant":"b","credentials":"c"}]`, `[{"tenant":"abc8Q~canarycanarycanarycanarycanarycan"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := parseTenants(text)
		if err != nil {
			wantUnquoted(t, err, string(text))
			return
		}
		written, _ := json.Marshal(rows)
		again, err := parseTenants(written)
		if err != nil || len(again) != len(rows) {
			t.Fatalf("%s: %v", written, err)
		}
		for i, r := range rows {
			if r.Tenant == "" || again[i] != r {
				t.Fatalf("%+v becomes %+v", r, again[i])
			}
		}
	})
}

// wantUnquoted fails the test if an error quotes what may be a secret.
func wantUnquoted(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\"{}[]:, ", r) }) {
		if len(word) > 16 && strings.Contains(err.Error(), word) && !strings.Contains("ROLLCALL_WEBHOOK_SECRET secretsmanager", word) {
			t.Fatalf("%v quotes %q", err, word)
		}
	}
}
