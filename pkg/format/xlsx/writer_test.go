package xlsx_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/format/xlsx"
)

// cell is a cell as the file has it.
type cell struct {
	At    string `xml:"r,attr"`
	Style int    `xml:"s,attr"`
	Type  string `xml:"t,attr"`
	Value string `xml:"v"`
	Text  string `xml:"is>t"`

	Formula *string `xml:"f"`
}

// sheet is the part of a worksheet that matters here.
type sheet struct {
	Dimension *struct{} `xml:"dimension"`
	Pane      struct {
		YSplit int    `xml:"ySplit,attr"`
		State  string `xml:"state,attr"`
	} `xml:"sheetViews>sheetView>pane"`
	Rows []struct {
		Cells []cell `xml:"c"`
	} `xml:"sheetData>row"`
	Filter struct {
		Ref string `xml:"ref,attr"`
	} `xml:"autoFilter"`
}

// bst is ECMA-376's ST_Xstring.
var bst = regexp.MustCompile(`_x[0-9a-fA-F]{4}_`)

func unescaped(text string) string {
	return bst.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[2:6], 16, 32)
		return string(rune(n))
	})
}

// file returns a file of a workbook.
func file(t testing.TB, book []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func usersOf(t testing.TB, book []byte) sheet {
	t.Helper()
	var s sheet
	if err := xml.Unmarshal(file(t, book, "xl/worksheets/sheet1.xml"), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// workbook writes users.
func workbook(t testing.TB, columns []string, users ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := xlsx.New(&out, columns)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Error(err)
		}
	}()
	for _, user := range users {
		if err := w.User([]byte(user)); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() > 0 {
		t.Error("something was written before the list was complete")
	}
	if err := w.Complete(true); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// quoted returns a text as JSON, and an error if it is not UTF-8.
func quoted(text string) (string, error) {
	literal, err := jsontext.AppendQuote(nil, text)
	return string(literal), err
}

// value returns the cell of a user with this value alone.
func value(t testing.TB, column, literal string) *cell {
	t.Helper()
	s := usersOf(t, workbook(t, []string{column}, `{"id":"1",`+strconv.Quote(column)+`:`+literal+`}`))
	if len(s.Rows) != 2 {
		t.Fatalf("%s: %d rows, want the header and the user", literal, len(s.Rows))
	}
	if len(s.Rows[1].Cells) == 0 {
		return nil
	}
	return &s.Rows[1].Cells[0]
}

func TestTextStaysText(t *testing.T) {
	for _, text := range []string{
		"00123", "12345678901234567890", "1e5", "TRUE", "2024-01-02", "3/4", "1,000", "=1+1", `=HYPERLINK("https://attacker.example")`,
		"+1", "-1", "@SUM(1)", "'x", " padded ", "\tTab\t", "Line\nbreak", "Carriage\r\nreturn", "a\u2028b\u2029c", "\u0085", "<b>&amp;</b>", `"`,
		"]]>", "&#x7;", "nul \x00, bell \a and escape \x1b[31m", "\ufffe\uffff", "\ufdd0\ufdd1\ufdd0005F\ufdd1", "\ufdcf\ufdd2\ufdfa",
		"_x0041_", "_xD83D_", "_x0041_x0042_", "_x005F_", "_x005F_x0041_", "_x0000_", "_", "__x0041__", "_x004_", "_x00G1_", "_X0041_", "_x0041", "_xfffe_\a", "z_x8020\x15000",
		"\ufeffbyte order mark", "right\u202eleft", "👩‍👩‍👧‍👦", "𠮷", strings.Repeat("Ω", 32_767), strings.Repeat("😀", 16_383),
	} {
		literal, err := quoted(text)
		if err != nil {
			t.Fatal(err)
		}
		c := value(t, "employeeId", literal)
		if c == nil || c.Type != "inlineStr" || c.Formula != nil || unescaped(c.Text) != text {
			t.Errorf("%.80q is %.300q", text, fmt.Sprint(c))
		}
	}
}

func TestACellThatIsEditedStaysText(t *testing.T) {
	book := workbook(t, []string{"employeeId"}, `{"id":"1","employeeId":"00123"}`)
	var styles struct {
		Formats []struct {
			Number int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := xml.Unmarshal(file(t, book, "xl/styles.xml"), &styles); err != nil {
		t.Fatal(err)
	}
	if got := styles.Formats[usersOf(t, book).Rows[1].Cells[0].Style].Number; got != 49 {
		t.Errorf("number format %d, want 49, which is text", got)
	}
}

func TestValuesThatAreNotTextKeepTheirKind(t *testing.T) {
	for _, c := range []struct{ column, literal, kind, want string }{
		{"accountEnabled", "true", "b", "1"},
		{"accountEnabled", "false", "b", "0"},
		{"accountEnabled", `"true"`, "inlineStr", "true"},
		{"deviceEnrollmentLimit", "5", "", "5"},
		{"deviceEnrollmentLimit", "-5.25", "", "-5.25"},
		{"deviceEnrollmentLimit", "0", "", "0"},
		{"deviceEnrollmentLimit", "123456789012345", "", "123456789012345"},
		{"deviceEnrollmentLimit", "1234567890123456", "inlineStr", "1234567890123456"},
		{"deviceEnrollmentLimit", "9223372036854775807", "inlineStr", "9223372036854775807"},
		{"deviceEnrollmentLimit", "1.50", "inlineStr", "1.50"},
		{"deviceEnrollmentLimit", "1e400", "inlineStr", "1e400"},
		{"businessPhones", `[ "1" , "=2" ]`, "inlineStr", `["1","=2"]`},
		{"businessPhones", `[]`, "inlineStr", `[]`},
		{"employeeOrgData", `{"costCenter": null}`, "inlineStr", `{"costCenter":null}`},
		{"manager", `{"id":"2"}`, "inlineStr", "2"},
		{"displayName", `"Lone \ud83d surrogate"`, "inlineStr", "Lone \ufffd surrogate"},
	} {
		got := value(t, c.column, c.literal)
		if got == nil || got.Type != c.kind || got.Formula != nil || got.Text+got.Value != c.want {
			t.Errorf("%s %s is %+v, want %q of the type %q", c.column, c.literal, got, c.want, c.kind)
		}
	}
	for _, literal := range []string{"null", `""`} {
		if got := value(t, "mail", literal); got != nil {
			t.Errorf("%s is %+v, want an empty cell", literal, got)
		}
	}
}

func TestInstantsAreDatesWhereSpreadsheetsHaveThem(t *testing.T) {
	for _, text := range []string{
		"2024-01-02T03:04:05Z", "2024-01-02T03:04:05.678Z", "1900-03-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z",
		"2024-02-29T23:59:59+14:00", "2024-01-02T03:04:05.1200000Z",
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		c := value(t, "createdDateTime", strconv.Quote(text))
		if c == nil || c.Type != "" || c.Style == 0 {
			t.Errorf("%s is %+v", text, c)
			continue
		}
		days, err := strconv.ParseFloat(c.Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		whole, part := math.Modf(days)
		got := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(whole)).Add(time.Duration(math.Round(part*86_400_000)) * time.Millisecond)
		if !got.Equal(at) {
			t.Errorf("%s is read back as %s", text, got)
		}
	}
	for _, text := range []string{
		"0001-01-01T00:00:00Z", "1899-12-31T00:00:00Z", "1900-01-01T00:00:00Z", "1900-02-28T23:59:59Z", "10000-01-01T00:00:00Z",
		"2024-01-02T03:04:05.1234567Z", "2024-01-02T03:04:05.0001Z", "2024-01-02", "yesterday", "9999-12-31T23:59:59-01:00",
	} {
		if c := value(t, "createdDateTime", strconv.Quote(text)); c == nil || c.Type != "inlineStr" || c.Text != text {
			t.Errorf("%s is %+v, want the text", text, c)
		}
	}
	if c := value(t, "employeeId", `"2024-01-02T03:04:05Z"`); c == nil || c.Type != "inlineStr" {
		t.Errorf("a text that looks like an instant is %+v", c)
	}
}

func TestTheHeaderStaysInSightAndFilters(t *testing.T) {
	s := usersOf(t, workbook(t, []string{"id", "displayName", "mail"}, `{"id":"1","displayName":"a"}`, `{"id":"2","mail":"b"}`))
	if s.Pane.State != "frozen" || s.Pane.YSplit != 1 {
		t.Errorf("the pane is %+v", s.Pane)
	}
	if s.Filter.Ref != "$A$1:$C$3" && s.Filter.Ref != "A1:C3" {
		t.Errorf("the filter is on %q", s.Filter.Ref)
	}
	if s.Dimension != nil {
		t.Error("a size is named that is not the sheet's")
	}
	var got [][]string
	for _, row := range s.Rows {
		var texts []string
		for _, c := range row.Cells {
			texts = append(texts, c.At+" "+c.Text)
		}
		got = append(got, texts)
	}
	want := [][]string{{"A1 id", "B1 displayName", "C1 mail"}, {"A2 1", "B2 a"}, {"A3 2", "C3 b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyListIsAHeader(t *testing.T) {
	if s := usersOf(t, workbook(t, []string{"id", "mail"})); len(s.Rows) != 1 || len(s.Rows[0].Cells) != 2 {
		t.Errorf("%+v", s)
	}
}

func TestASecondSheetSaysThatTheListIsComplete(t *testing.T) {
	book := workbook(t, []string{"id"}, `{"id":"1"}`, `{"id":"2"}`)
	var s sheet
	if err := xml.Unmarshal(file(t, book, "xl/worksheets/sheet2.xml"), &s); err != nil {
		t.Fatal(err)
	}
	shared := string(file(t, book, "xl/sharedStrings.xml"))
	for i, name := range []string{"users", "complete", "verified", "written"} {
		if !strings.Contains(shared, ">"+name+"<") || s.Rows[i].Cells[0].Type != "s" {
			t.Errorf("there is no %s in %s", name, shared)
		}
	}
	if s.Dimension != nil {
		t.Error("a size is named that is not the sheet's")
	}
	if s.Rows[0].Cells[1].Value != "2" || s.Rows[1].Cells[1].Value != "1" || s.Rows[2].Cells[1].Value != "1" {
		t.Errorf("%+v", s.Rows)
	}
}

func TestWhatDoesNotFitIsAnErrorThatNamesTheRemedy(t *testing.T) {
	long := strings.Repeat("😀", 16_384)
	w := open(t, io.Discard, []string{"displayName"})
	err := w.User([]byte(`{"id":"6e7b768e","displayName":"` + long + `"}`))
	var limit *xlsx.LimitError
	if !errors.As(err, &limit) || !strings.Contains(err.Error(), `displayName of user "6e7b768e"`) || !strings.Contains(err.Error(), "Parquet") || strings.Contains(err.Error(), "😀") {
		t.Errorf("a cell: %v", err)
	}

	w = open(t, io.Discard, []string{"id"})
	w.Skip(xlsx.MaxUsers - 1)
	if err := w.User([]byte(`{"id":"1"}`)); err != nil {
		t.Errorf("the last row: %v", err)
	}
	if err := w.User([]byte(`{"id":"2"}`)); !errors.As(err, &limit) || !strings.Contains(err.Error(), "1048575 users") || !strings.Contains(err.Error(), "CSV or Parquet") {
		t.Errorf("one row too many: %v", err)
	}
	if xlsx.Fits(xlsx.MaxUsers) != nil || xlsx.Fits(xlsx.MaxUsers+1) == nil {
		t.Error("what fits is not what is written")
	}
	out := xlsx.Limit(io.Discard, 3)
	if _, err := out.Write([]byte("abc")); err != nil {
		t.Errorf("a sheet that just fits: %v", err)
	}
	if _, err := out.Write([]byte("d")); !errors.As(err, &limit) || !strings.Contains(err.Error(), "fewer columns, or use CSV or Parquet") {
		t.Errorf("a sheet that is too large: %v", err)
	}
	if limit.Name() != "Response.TooLarge" {
		t.Error(limit.Name())
	}
}

func open(t testing.TB, out io.Writer, columns []string) *xlsx.Writer {
	t.Helper()
	w, err := xlsx.New(out, columns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// big writes users until excelize has begun its temporary file.
func big(t testing.TB, w *xlsx.Writer) {
	t.Helper()
	user := []byte(`{"id":"1","displayName":"` + strings.Repeat("x", 30_000) + `"}`)
	for range 700 {
		if err := w.User(user); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheTemporaryFileIsPrivateAndHasNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var out bytes.Buffer
	w := open(t, &out, []string{"id", "displayName"})
	if info, err := os.Stat(w.Dir()); err != nil || info.Mode().Perm() != 0o700 || filepath.Dir(w.Dir()) != dir {
		t.Errorf("before: %v, %v", info, err)
	}
	big(t, w)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("a killed process would leave %v behind (%v)", left, err)
	}
	if err := w.Complete(true); err != nil {
		t.Fatal(err)
	}
	if s := usersOf(t, out.Bytes()); len(s.Rows) != 701 || len(s.Rows[700].Cells[1].Text) != 30_000 {
		t.Errorf("%d rows", len(s.Rows))
	}
}

func TestMemoryDoesNotGrowWithTheList(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var out largest
	w := open(t, &out, []string{"id", "displayName"})
	big(t, w)
	before := heap()
	for range 6 { // 20 MB each
		big(t, w)
	}
	if grown := heap() - before; grown > 40<<20 {
		t.Errorf("%d bytes more are in memory after 120 MB more of users", grown)
	}
	if err := w.Complete(true); err != nil {
		t.Fatal(err)
	}
	if out > 1<<20 {
		t.Errorf("%d bytes were written at once", out)
	}
}

// largest is the size of the largest write.
type largest int

func (l *largest) Write(p []byte) (int, error) {
	*l = max(*l, largest(len(p)))
	return len(p), nil
}

func TestNothingStaysBehindAfterAnError(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	w, err := xlsx.New(io.Discard, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.User([]byte(`{"id":"1`)); err == nil || strings.Contains(err.Error(), `"1`) {
		t.Errorf("a broken user: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v (%v)", left, err)
	}
}

func TestAMissingTemporaryFolderIsAnErrorAndNotMemory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	if _, err := xlsx.New(io.Discard, []string{"id"}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("at the start: %v", err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	w := open(t, io.Discard, []string{"id"})
	if err := os.RemoveAll(w.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := w.User([]byte(`{"id":"1"}`)); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("later: %v", err)
	}
}

// full is a destination with room for some bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

func TestEveryErrorOfTheDestinationIsReported(t *testing.T) {
	for left := 0; ; left += 97 {
		w := open(t, &full{left}, []string{"id", "displayName"})
		for i := range 20 {
			if err := w.User(fmt.Appendf(nil, `{"id":"%d","displayName":"%x"}`, i, i*7919)); err != nil {
				t.Fatal(err)
			}
		}
		err := w.Complete(true)
		if err == nil {
			if left < 2000 {
				t.Fatalf("the workbook has %d bytes at most", left)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("after %d bytes: %v", left, err)
		}
	}
}

func TestMarksAreFoundWhereverTheTextIsCut(t *testing.T) {
	text := "a" + xlsx.Escape("_x0041_\x00\ufdd0\ufdfa") + "z"
	for size := 1; size <= len(text); size++ {
		var out strings.Builder
		w := xlsx.Unmark(&out)
		for at := 0; at < len(text); at += size {
			if _, err := w.Write([]byte(text[at:min(at+size, len(text))])); err != nil {
				t.Fatal(err)
			}
		}
		if want := "a_x005F_x0041__x0000__xFDD0_\ufdfaz"; out.String() != want {
			t.Errorf("in pieces of %d: %q, want %q", size, out.String(), want)
		}
	}
}

func FuzzTextRoundTrip(f *testing.F) {
	for _, text := range []string{"_x0041_", "\x00\ufffe", "\ufdd0", "=1", "\r\n", "a_x00_x0041_"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		literal, err := quoted(text)
		if err != nil || text == "" || len(text) > 30_000 {
			return
		}
		if c := value(t, "displayName", literal); c == nil || unescaped(c.Text) != text {
			t.Errorf("%q is %+v", text, c)
		}
	})
}
