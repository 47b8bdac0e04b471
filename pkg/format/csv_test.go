package format_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

func TestCSVOfOneColumnLosesNoUserWithoutAValue(t *testing.T) {
	got := writeCSV(t, []string{"mail"}, []byte(`{"id":"1","mail":null}`), []byte(`{"id":"2","mail":"b"}`), []byte(`{"id":"3"}`))
	records, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"mail"}, {""}, {"b"}, {""}}, records); diff != "" {
		t.Error(diff)
	}
}

func TestCSVHasTheSelectedColumnsInOrder(t *testing.T) {
	got := writeCSV(t, []string{"mail", "id", "mail"}, []byte(`{"id":"1","mail":"a"}`))
	if want := "mail,id,mail\na,1,a\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCSVErrorsAboutInvalidJSONDoNotQuoteIt(t *testing.T) {
	for name, raw := range map[string]string{
		"empty":               ``,
		"cut":                 `{"displayName":"Canary`,
		"array":               `["Canary"]`,
		"no colon":            `{"displayName" "Canary"}`,
		"two objects":         `{"displayName":"Canary"}{}`,
		"bad escape":          `{"displayName":"Canary\x"}`,
		"bad skipped value":   `{"other":Canary}`,
		"name is not quoted":  `{displayName:"Canary"}`,
		"trailing characters": `{"displayName":"Canary"} Canary`,
	} {
		w := format.NewCSV(&bytes.Buffer{}, []string{"displayName"})
		err := w.User([]byte(raw))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if strings.Contains(err.Error(), "Canary") {
			t.Errorf("%s: the error shows the user: %v", name, err)
		}
		if w.Users() != 0 {
			t.Errorf("%s: counted as a user", name)
		}
	}
}

func TestAMissingMemberDoesNotKeepThePreviousUsersText(t *testing.T) {
	cells := format.NewCells([]string{"id", "mail"})
	for _, raw := range []string{`{"id":"1","mail":"a"}`, `{"id":"2"}`} {
		if err := cells.Read([]byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(cells.Cell(1)); got != "" {
		t.Errorf("mail of a user without one is %q", got)
	}
}

func TestCSVIsForSpreadsheetsOnRequestOnly(t *testing.T) {
	users := []string{`{"id":"1","n":"=cmd|' /C calc'!A0"}`, `{"id":"2","n":"+1"}`, `{"id":"3","n":"-2"}`, `{"id":"4","n":"@SUM(1)"}`, `{"id":"5","n":"\tx"}`, `{"id":"6","n":"\rx"}`, `{"id":"7","n":"a=b"}`, `{"id":"8","n":null}`, `{"id":"9","n":"'x"}`}
	for sheet, want := range map[bool]string{
		false: "id,n\n1,=cmd|' /C calc'!A0\n2,+1\n3,-2\n4,@SUM(1)\n5,\"\tx\"\n6,\"\rx\"\n7,a=b\n8,\n9,'x\n",
		true:  "\ufeffid,n\n1,'=cmd|' /C calc'!A0\n2,'+1\n3,'-2\n4,'@SUM(1)\n5,'\tx\n6,\"'\rx\"\n7,a=b\n8,\n9,'x\n",
	} {
		var b bytes.Buffer
		c := format.NewCSV(&b, []string{"id", "n"})
		if sheet {
			c.ForSpreadsheets()
		}
		for _, u := range users {
			if err := c.User([]byte(u)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Complete(); err != nil || b.String() != want {
			t.Errorf("for spreadsheets %t: %v\n got %q\nwant %q", sheet, err, b.String(), want)
		}
	}
}

// OWASP's list also has the line feed and the full-width forms.
func TestNoSpreadsheetRunsACellAsAFormula(t *testing.T) {
	for _, cell := range []string{`\n=1+1`, `＝1+1`, `＠SUM(1)`} {
		var b bytes.Buffer
		c := format.NewCSV(&b, []string{"id", "displayName"})
		c.ForSpreadsheets()
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

// parseCSV parses strict RFC 4180, with line feeds between records.
func parseCSV(data []byte) ([][]string, error) {
	var (
		records [][]string
		record  []string
	)
	for len(data) > 0 {
		var field []byte
		if data[0] == '"' {
			data = data[1:]
			for {
				i := bytes.IndexByte(data, '"')
				if i < 0 {
					return nil, errors.New("a quote is not closed")
				}
				field, data = append(field, data[:i]...), data[i+1:]
				if len(data) == 0 || data[0] != '"' {
					break
				}
				field, data = append(field, '"'), data[1:]
			}
		} else {
			i := bytes.IndexAny(data, ",\n")
			if i < 0 {
				return nil, errors.New("a record is not ended")
			}
			field, data = data[:i], data[i:]
			if bytes.ContainsAny(field, "\"\r") {
				return nil, errors.New("a bare field holds a quote or a carriage return")
			}
		}
		record = append(record, string(field))
		switch {
		case len(data) == 0 || data[0] != ',' && data[0] != '\n':
			return nil, errors.New("a field is not ended")
		case data[0] == '\n':
			records, record = append(records, record), nil
		}
		data = data[1:]
	}
	if record != nil {
		return nil, errors.New("the last record is not ended")
	}
	return records, nil
}

func FuzzCSVRoundTrip(f *testing.F) {
	for name, text := range hostileTexts() {
		if name != "long" { // the fuzzer would spend its time minimizing it
			f.Add(text.want, text.want, true)
		}
	}
	f.Add("a", "", false)
	f.Fuzz(func(t *testing.T, name, mail string, number bool) {
		user := map[string]any{"displayName": name, "mail": mail, "accountEnabled": number}
		raw, err := json.Marshal(user)
		if err != nil {
			t.Fatal(err)
		}
		columns := []string{"displayName", "accountEnabled", "mail"}
		enabled := "false"
		if number {
			enabled = "true"
		}
		want := [][]string{columns, {valid(name), enabled, valid(mail)}}
		got := writeCSV(t, columns, raw)
		records, err := parseCSV(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, records); diff != "" {
			t.Error(diff)
		}
		var standard bytes.Buffer
		if err := csv.NewWriter(&standard).WriteAll(want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, standard.Bytes()) {
			t.Errorf("%q, encoding/csv writes %q", got, standard.Bytes())
		}
	})
}

// valid replaces each byte that is not UTF-8, as encoding/json does.
func valid(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

func FuzzCellsAgreeWithEncodingJSON(f *testing.F) {
	for _, raw := range sampleUsers(f) {
		f.Add(raw)
	}
	for name, text := range hostileTexts() {
		if name != "long" {
			f.Add(hostileUser(text.escaped))
		}
	}
	f.Add([]byte("{\"id\":\"\xff\",\"id\":2e5}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		cells := format.NewCells([]string{"id", "displayName"})
		err := cells.Read(raw)
		var want map[string]json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil {
			if err == nil {
				t.Fatalf("%q is read as a user", raw)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		for i, name := range []string{"id", "displayName"} {
			if got, want := string(cells.Cell(i)), cellByEncodingJSON(t, want[name]); got != want {
				t.Errorf("%q: %s is %q, want %q", raw, name, got, want)
			}
		}
	})
}

func cellByEncodingJSON(t *testing.T, value json.RawMessage) string {
	switch {
	case value == nil, string(value) == "null":
		return ""
	case value[0] == '"':
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		t.Fatal(err)
	}
	return compact.String()
}
