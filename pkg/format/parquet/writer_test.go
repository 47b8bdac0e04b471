package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

func TestTheSchemaMatchesItsGoldenFile(t *testing.T) {
	for name, columns := range map[string][]string{"usual": usual(), "everything": everything()} {
		got := open(t, write(t, columns, parquet.Options{})).Schema().String() + "\n"
		path := filepath.Join("testdata", name+".schema.golden")
		if os.Getenv("UPDATE_GOLDEN") != "" { // rewrite it, then review the diff
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("differs from %s (-want +got):\n%s", path, diff)
		}
	}
}

func TestEveryUserReadsBackAsByEncodingJSON(t *testing.T) {
	for name, columns := range map[string][]string{"usual": usual(), "everything": everything()} {
		users := people(t, columns, 400)
		rows := read(t, write(t, columns, parquet.Options{RowGroup: 1 << 20}, users...))
		if len(rows) != len(users) {
			t.Fatalf("%s: %d rows, want %d", name, len(rows), len(users))
		}
		for i, user := range users {
			want, err := model(columns, user.Raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := compareRow(want, rows[i]); diff != "" {
				t.Fatalf("%s, row %d (-want +got):\n%s", name, i, diff)
			}
		}
	}
}

func TestEveryCompressionReadsBack(t *testing.T) {
	users := people(t, usual(), 300)
	plain := read(t, write(t, usual(), parquet.Options{Compression: parquet.None}, users...))
	for c, want := range map[parquet.Compression]string{"": "ZSTD", parquet.Zstd: "ZSTD", parquet.Gzip: "GZIP", parquet.Snappy: "SNAPPY", parquet.None: "UNCOMPRESSED"} {
		file := write(t, usual(), parquet.Options{Compression: c}, users...)
		if got := open(t, file).Metadata().RowGroups[0].Columns[0].MetaData.Codec.String(); got != want {
			t.Errorf("%q is %s, want %s", c, got, want)
		}
		if diff := cmp.Diff(plain, read(t, file)); diff != "" {
			t.Errorf("%q reads differently:\n%s", c, diff)
		}
	}
}

func TestTheMetadataHasVersionAndSelect(t *testing.T) {
	f := open(t, write(t, []string{"id", "mail"}, parquet.Options{Version: "1.2.3"}))
	if got := f.Metadata().CreatedBy; got != "rollcall version 1.2.3" {
		t.Errorf("created by %q", got)
	}
	for key, want := range map[string]string{"rollcall.version": "1.2.3", "rollcall.select": "id,mail"} {
		if got, _ := f.Lookup(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if f.NumRows() != 0 {
		t.Errorf("%d rows without a user", f.NumRows())
	}
}

func TestTheSameUsersProduceTheSameBytes(t *testing.T) {
	users := people(t, everything(), 200)
	first := write(t, everything(), parquet.Options{RowGroup: 1 << 20}, users...)
	if !bytes.Equal(first, write(t, everything(), parquet.Options{RowGroup: 1 << 20}, users...)) {
		t.Error("the second file differs from the first")
	}
}

func TestFilesOfTwoSelectsReadTogetherByName(t *testing.T) {
	type row struct {
		ID          string  `parquet:"id"`
		DisplayName *string `parquet:"displayName,optional"`
		Enabled     *bool   `parquet:"accountEnabled,optional"`
	}
	old := write(t, []string{"displayName", "id"}, parquet.Options{}, graph.User{Raw: []byte(`{"id":"1","displayName":"A"}`)})
	changed := write(t, []string{"id", "mail", "accountEnabled", "displayName"}, parquet.Options{},
		graph.User{Raw: []byte(`{"id":"2","displayName":"B","accountEnabled":true}`)})
	var got []row
	for _, file := range [][]byte{old, changed} {
		rows, err := parquetgo.Read[row](bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rows...)
	}
	a, b, enabled := "A", "B", true
	if diff := cmp.Diff([]row{{"1", &a, nil}, {"2", &b, &enabled}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRowGroupsAreBoundedAndTheSizeGrowsWithTheFile(t *testing.T) {
	users := people(t, usual(), 5000)
	var out bytes.Buffer
	w, err := parquet.New(&out, usual(), parquet.Options{RowGroup: 128 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		before := w.Size()
		if err := w.User(user.Raw); err != nil {
			t.Fatal(err)
		}
		if w.Size() < int64(out.Len()) || before < 0 {
			t.Fatalf("size %d with %d bytes written", w.Size(), out.Len())
		}
	}
	if out.Len() == 0 || w.Size() == int64(out.Len()) {
		t.Errorf("%d bytes written of %d: want some, and some that wait", out.Len(), w.Size())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if groups := len(open(t, out.Bytes()).RowGroups()); groups < 3 || groups > 20 {
		t.Errorf("%d row groups of 5000 users, want some", groups)
	}
}

// A column that is expected to have few values, and has many, over several row
// groups: the dictionary is given up in each and comes back in the next.
func TestADictionaryThatGrowsTooLargeLosesNothing(t *testing.T) {
	columns := []string{"id", "department", "jobTitle"}
	department := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("long ", 20)) }
	var users []graph.User
	for i := range 20_000 {
		users = append(users, graph.User{Raw: fmt.Appendf(nil, `{"id":"%d","department":"%s","jobTitle":"%d"}`, i, department(i), i%7)})
	}
	file := write(t, columns, parquet.Options{Compression: parquet.None, RowGroup: 1 << 20}, users...)
	groups := open(t, file).Metadata().RowGroups
	if len(groups) < 2 {
		t.Fatalf("%d row groups, want several", len(groups))
	}
	for column, want := range map[int]bool{1: true, 2: false} {
		plain := slices.ContainsFunc(groups[0].Columns[column].MetaData.EncodingStats, func(s format.PageEncodingStats) bool {
			return s.PageType == format.DataPage && s.Encoding == format.Plain
		})
		if plain != want {
			t.Errorf("%s gave its dictionary up: %t, want %t", columns[column], plain, want)
		}
	}
	for i, got := range read(t, file) {
		row, _ := got.(map[string]any)
		if row["id"] != strconv.Itoa(i) || row["department"] != department(i) || row["jobTitle"] != strconv.Itoa(i%7) {
			t.Fatalf("row %d is %v", i, row)
		}
	}
}

func TestInvalidColumnsAndOptionsAreRejected(t *testing.T) {
	for want, make := range map[string]func() (*parquet.Writer, error){
		`"shoe size" is unknown`: func() (*parquet.Writer, error) {
			return parquet.New(io.Discard, []string{"id", "shoe size"}, parquet.Options{})
		},
		`"additionalData" is unknown`: func() (*parquet.Writer, error) {
			return parquet.New(io.Discard, []string{property.AdditionalData}, parquet.Options{})
		},
		`"mail" is listed twice`: func() (*parquet.Writer, error) {
			return parquet.New(io.Discard, []string{"mail", "id", "mail"}, parquet.Options{})
		},
		`compression "lzo" is unknown`: func() (*parquet.Writer, error) {
			return parquet.New(io.Discard, usual(), parquet.Options{Compression: "lzo"})
		},
	} {
		if w, err := make(); w != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// brokenPipe accepts some bytes and then fails.
type brokenPipe struct{ left int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestTheFirstErrorIsReturnedByEveryLaterCall(t *testing.T) {
	users := people(t, usual(), 2000)
	for _, left := range []int{0, 40_000} {
		w, err := parquet.New(&brokenPipe{left}, usual(), parquet.Options{RowGroup: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range users {
			if err = w.User(user.Raw); err != nil {
				break
			}
		}
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("User: %v, want the error of the writer below", err)
		}
		if err := w.User(users[0].Raw); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("User after it: %v", err)
		}
		if err := w.Close(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Close after it: %v", err)
		}
	}
	w, err := parquet.New(&brokenPipe{}, usual(), parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.User(users[0].Raw), w.Close()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("only Close can report the error, and returned %v", err)
	}
}

func TestNothingIsWrittenAfterClose(t *testing.T) {
	var out bytes.Buffer
	w, err := parquet.New(&out, []string{"id"}, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	size := out.Len()
	if w.User([]byte(`{"id":"1"}`)) == nil || w.Close() == nil || out.Len() != size {
		t.Error("a closed file accepted a user")
	}
}

func TestUsersAllocateNothingUntilAPageIsFull(t *testing.T) {
	users := people(t, usual(), 64)
	w, err := parquet.New(io.Discard, usual(), parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	allocs := testing.AllocsPerRun(20_000, func() {
		if err := w.User(users[n%len(users)].Raw); err != nil {
			t.Error(err)
		}
		n++
	})
	if allocs != 0 {
		t.Errorf("%v allocations a user", allocs)
	}
}

func TestTheTypeOfADerivedUserIsAColumnWhereItIsSelected(t *testing.T) {
	rows := read(t, write(t, []string{"id", property.ODataType, "shoeSize"}, parquet.Options{},
		graph.User{ID: []byte("1"), Raw: []byte(`{"@odata.type":"#microsoft.graph.agentUser","id":"1","shoeSize":44}`)}, graph.User{ID: []byte("2"), Raw: []byte(`{"id":"2","shoeSize":null}`)}))
	if got := fmt.Sprint(rows); len(rows) != 2 || !strings.Contains(got, "#microsoft.graph.agentUser") || !strings.Contains(got, "44") {
		t.Error(got)
	}
}
