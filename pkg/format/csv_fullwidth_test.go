package format_test

import (
	"bytes"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// OWASP's list also has the line feed and the full-width forms.
func TestNoFormulaStartsACellInAnySpreadsheet(t *testing.T) {
	for _, cell := range []string{`\n=1+1`, `＝1+1`, `＠SUM(1)`} {
		var b bytes.Buffer
		c := format.NewCSV(&b, []string{"id", "displayName"})
		c.NeutraliseFormulas()
		if err := c.User([]byte(`{"id":"1","displayName":"` + cell + `"}`)); err != nil {
			t.Fatal(err)
		}
		if err := c.Complete(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b.Bytes(), []byte("'")) {
			t.Errorf("%s: %q", cell, b.String())
		}
	}
}
