package parquet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// readUsers reads a file to its end, or to the first error.
func readUsers(file []byte, columns []string) (users []graph.User, err error) {
	defer crash.Recover(&err)
	r, err := parquet.NewReader(bytes.NewReader(file), int64(len(file)), columns)
	if err != nil {
		return nil, err
	}
	for {
		raw, err := r.User()
		if errors.Is(err, io.EOF) {
			return users, nil
		}
		if err != nil {
			return users, err
		}
		users = append(users, graph.User{Raw: bytes.Clone(raw)})
	}
}

// TestWhatIsReadIsWhatWasWritten writes what was read once more: that must be the same file,
// byte for byte.
func TestWhatIsReadIsWhatWasWritten(t *testing.T) {
	for name, columns := range map[string][]string{"usual": usual(), "everything": everything()} {
		for _, c := range []parquet.Compression{parquet.Zstd, parquet.None} {
			users := people(t, columns, 500)
			file := write(t, columns, parquet.Options{RowGroup: 128 << 10, Compression: c}, users...)
			read, err := readUsers(file, columns)
			if err != nil || len(read) != len(users) {
				t.Fatalf("%s: %d of %d users: %v", name, len(read), len(users), err)
			}
			if !bytes.Equal(file, write(t, columns, parquet.Options{RowGroup: 128 << 10, Compression: c}, read...)) {
				t.Errorf("%s: what was read is written differently", name)
			}
		}
	}
}

func TestWhatDoesNotFitItsColumnIsReadFromAdditionalData(t *testing.T) {
	columns := []string{"id", "createdDateTime", "assignedPlans", "businessPhones", "signInActivity"}
	user := `{"id":"1","createdDateTime":"2026-01-02T03:04:05.1234567Z","assignedPlans":[{"service":"x","new":1},null],"businessPhones":[],"signInActivity":{}}`
	read, err := readUsers(write(t, columns, parquet.Options{}, graph.User{Raw: []byte(user)}, graph.User{Raw: []byte(`{"id":"2"}`)}), columns)
	if err != nil || len(read) != 2 || string(read[0].Raw) != user || string(read[1].Raw) != `{"id":"2"}` {
		t.Errorf("%s, %v", read, err)
	}
}

func TestWhatIsNoFileIsToldApart(t *testing.T) {
	columns := []string{"id", "mail"}
	file := write(t, columns, parquet.Options{Compression: parquet.None}, graph.User{Raw: []byte(`{"id":"1","mail":"a"}`)})
	damaged := func(at int, b byte) []byte {
		other := bytes.Clone(file)
		other[at] = b
		return other
	}
	huge := bytes.Clone(file)
	binary.LittleEndian.PutUint32(huge[len(huge)-8:], 1<<31)
	for name, c := range map[string]struct {
		file    []byte
		columns []string
		want    string
	}{
		"nothing":            {nil, columns, "too short"},
		"a file without end": {file[:len(file)-1], columns, "its end is not one"},
		"another end":        {damaged(len(file)-1, 'X'), columns, "its end is not one"},
		"metadata of 2 GiB":  {huge, columns, "cannot be of the size"},
		"other columns":      {file, []string{"id", "mail", "surname"}, "other columns"},
		"another order":      {file, []string{"mail", "id"}, "other columns"},
		"a page of 2 GiB":    {damaged(7, 0xff), columns, ""},
	} {
		if _, err := readUsers(c.file, c.columns); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReader has files that anybody may have stored.
func FuzzReader(f *testing.F) {
	columns := []string{"id", "businessPhones", "assignedLicenses", "createdDateTime", "accountEnabled", "manager"}
	f.Add(write(f, columns, parquet.Options{}, graph.User{Raw: []byte(`{"id":"1","businessPhones":["1","2"],"accountEnabled":true,"manager":{"id":"x"}}`)}))
	f.Add(write(f, columns, parquet.Options{Compression: parquet.None}, graph.User{Raw: []byte(`{"id":"1","assignedLicenses":[{"disabledPlans":["a"],"skuId":"b"},{}],"createdDateTime":"2026-01-02T03:04:05Z"}`)}))
	f.Fuzz(func(_ *testing.T, file []byte) { _, _ = readUsers(file, columns) })
}
