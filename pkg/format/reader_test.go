package format_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// object writes users as an object of a store.
func object(t testing.TB, kind, compression string, columns []string, users ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	o, err := format.NewObject(&out, kind, compression, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range users {
		if err := o.User(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readAll reads an object to its end, or to the first error.
func readAll(from io.Reader, kind, compression string, columns []string) (users [][]byte, err error) {
	r, err := format.NewReader(from, kind, compression, columns)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		raw, err := r.User()
		if errors.Is(err, io.EOF) {
			return users, nil
		}
		if err != nil {
			return users, err
		}
		users = append(users, bytes.Clone(raw))
	}
}

// TestEveryHostileTextReadsBackFromEveryObject writes what was read once more: that must be
// the same, byte for byte.
func TestEveryHostileTextReadsBackFromEveryObject(t *testing.T) {
	columns := []string{"id", "displayName", "accountEnabled", "businessPhones", "manager", "mail"}
	users := [][]byte{[]byte(`{"id":"0","accountEnabled":true,"businessPhones":[],"manager":null}`), []byte(`{"id":"2","accountEnabled":null,"businessPhones":["+1","\u0000,\n"],"manager":{"x":1}}`)}
	for _, text := range hostileTexts() {
		users = append(users, hostileUser(text.escaped))
	}
	for _, kind := range []string{"ndjson", "csv"} {
		for _, compression := range []string{format.Gzip, format.Zstd, format.None} {
			stored := object(t, kind, compression, columns, users...)
			read, err := readAll(bytes.NewReader(stored), kind, compression, columns)
			if err != nil || len(read) != len(users) {
				t.Fatalf("%s %s: %d of %d users: %v", kind, compression, len(read), len(users), err)
			}
			if diff := cmp.Diff(object(t, kind, format.None, columns, users...), object(t, kind, format.None, columns, read...)); diff != "" {
				t.Errorf("%s %s:\n%s", kind, compression, diff)
			}
		}
	}
}

func TestWhatIsNoObjectIsToldApart(t *testing.T) {
	columns := []string{"id", "mail"}
	good := object(t, "csv", format.Gzip, columns, []byte(`{"id":"1","mail":"a"}`))
	for name, c := range map[string]struct {
		kind, compression, text, want string
	}{
		"no gzip":                  {"ndjson", format.Gzip, "{}", "not compressed by gzip"},
		"no zstd":                  {"ndjson", format.Zstd, "{}{}{}\n", "cannot be read"},
		"a cut gzip":               {"csv", format.Gzip, string(good[:len(good)-9]), "cut off"},
		"something after the gzip": {"csv", format.Gzip, string(good) + "x", "cut off"},
		"an unknown compression":   {"csv", "brotli", "", "no compression"},
		"an unknown format":        {"xml", format.None, "", "no format"},
		"a list":                   {"ndjson", format.None, "[]\n", "line 1 is not a user"},
		"two on a line":            {"ndjson", format.None, "{}\n{}{}\n", "line 2 is not a user"},
		"an empty line":            {"ndjson", format.None, "{}\n\n", "line 2 is not a user"},
		"a line that is cut off":   {"ndjson", format.None, "{}\n{}", "line 2 is cut off"},
		"no header":                {"csv", format.None, "", "no header"},
		"another header":           {"csv", format.None, "id,name\n", "other columns"},
		"a column more":            {"csv", format.None, "id,mail,x\n", "other columns"},
		"a column less":            {"csv", format.None, "id\n", "other columns"},
		"a cell more":              {"csv", format.None, "id,mail\n1,2,3\n", "record 2 has 3 cells"},
		"many cells":               {"csv", format.None, "id,mail\n,,,,,,,,\n", "record 2 has more cells"},
		"a cell less":              {"csv", format.None, "id,mail\n1\n", "record 2 has 1 cells"},
		"an empty record":          {"csv", format.None, "id,mail\n\n", "record 2 has 1 cells"},
		"a quote inside":           {"csv", format.None, "id,mail\n1,a\"b\n", "record 2 has a cell that lacks quotes"},
		"text after a quote":       {"csv", format.None, "id,mail\n1,\"a\"b\n", "goes on after its last quote"},
		"a carriage return":        {"csv", format.None, "id,mail\r\n1,2\r\n", "lacks quotes"},
		"a record that is cut":     {"csv", format.None, "id,mail\n1,", "record 2 is cut off"},
		"a quote that is open":     {"csv", format.None, "id,mail\n\"", "record 2 is cut off"},
		"a last line without end":  {"csv", format.None, "id,mail\n1,2", "record 2 is cut off"},
	} {
		_, err := readAll(strings.NewReader(c.text), c.kind, c.compression, columns)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestABombIsReadInFlatMemory has objects that are small as they are stored and without end
// as they are read.
func TestABombIsReadInFlatMemory(t *testing.T) {
	for kind, head := range map[string]string{"ndjson": `{"id":"`, "csv": "id\n\""} {
		var bomb bytes.Buffer
		z := gzip.NewWriter(&bomb)
		_, _ = io.WriteString(z, head)
		zeros := bytes.Repeat([]byte{'0'}, 1<<20)
		for range 64 {
			_, _ = z.Write(zeros)
		}
		_ = z.Close()
		_, err := readAll(&bomb, kind, format.Gzip, []string{"id"})
		if err == nil || !strings.Contains(err.Error(), "is longer than 8 MiB") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// FuzzReader has objects that anybody may have stored: whatever they are, a user that is read
// can be written.
func FuzzReader(f *testing.F) {
	for _, kind := range []string{"ndjson", "csv"} {
		for _, compression := range []string{format.Gzip, format.Zstd, format.None} {
			f.Add(kind, compression, object(f, kind, compression, []string{"id", "accountEnabled", "manager"}, []byte(`{"id":"1","accountEnabled":true,"manager":{"id":"2"}}`)))
		}
	}
	f.Fuzz(func(t *testing.T, kind, compression string, stored []byte) {
		columns := []string{"id", "accountEnabled", "manager"}
		users, _ := readAll(bytes.NewReader(stored), kind, compression, columns)
		cells := format.NewCells(columns)
		for _, raw := range users {
			if err := cells.Read(raw); err != nil {
				t.Fatal(fmt.Errorf("%q: %w", raw, err))
			}
		}
	})
}
