package parquet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

var errUnfit = errors.New("the value does not fit its column")

// model returns the row that a user must become, by way of encoding/json.
func model(columns []string, raw []byte) (map[string]any, error) {
	var user map[string]json.RawMessage
	if err := json.Unmarshal(raw, &user); err != nil || user == nil {
		return nil, errUnfit
	}
	row := map[string]any{property.AdditionalData: nil}
	more := map[string]json.RawMessage{}
	for _, name := range columns {
		typeName, _ := property.ColumnType(name)
		value, overflow, err := modelOf(typeName, user[name])
		if err != nil || name == "id" && value == nil {
			return nil, errUnfit
		}
		if row[name] = value; overflow {
			more[name] = user[name]
		}
	}
	if len(more) > 0 {
		text, err := json.Marshal(more)
		if err != nil {
			return nil, err
		}
		row[property.AdditionalData] = string(text)
	}
	return row, nil
}

func modelOf(typeName string, raw json.RawMessage) (value any, overflow bool, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, false, nil
	}
	if element, collection := property.Element(typeName); collection {
		return modelOfList(element, raw)
	}
	if fields, ok := property.Structure(typeName); ok {
		return modelOfObject(fields, raw)
	}
	switch typeName {
	case "Edm.Boolean":
		var b bool
		err = json.Unmarshal(raw, &b)
		return b, false, err
	case "Edm.Int32":
		i, err := strconv.ParseInt(string(raw), 10, 32)
		return int32(i), false, err
	case "Edm.DateTimeOffset":
		return modelOfDate(raw)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	return s, false, nil
}

func modelOfList(element string, raw json.RawMessage) (any, bool, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, false, err
	}
	list, overflow := []any{}, false
	for _, item := range items {
		value, more, err := modelOf(element, item)
		if err != nil {
			return nil, false, err
		}
		list, overflow = append(list, value), overflow || more
	}
	return list, overflow, nil
}

func modelOfObject(fields []property.Field, raw json.RawMessage) (any, bool, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, false, err
	}
	object, overflow := map[string]any{}, false
	for _, f := range fields {
		value, more, err := modelOf(f.Type, members[f.Name])
		if err != nil {
			return nil, false, err
		}
		object[f.Name], overflow = value, overflow || more
		delete(members, f.Name)
	}
	for name, value := range members {
		overflow = overflow || !bytes.ContainsRune([]byte(name), '@') && string(value) != "null"
	}
	return object, overflow, nil
}

func modelOfDate(raw json.RawMessage) (any, bool, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, false, err
	}
	at, ok := date(text)
	if !ok {
		return nil, text != "", nil
	}
	return at.UnixMicro(), at.Nanosecond()%1000 != 0, nil
}

// date parses a date by package time, and checks its form, as package time is lenient.
func date(text string) (at time.Time, ok bool) {
	shape := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	err := at.UnmarshalText([]byte(text))
	return at, err == nil && shape.MatchString(text) && at.UTC().Year() >= 1 && at.UTC().Year() <= 9999
}

// write writes a file, from a buffer that is cleared after each user.
func write(t testing.TB, columns []string, o parquet.Options, users ...graph.User) []byte {
	t.Helper()
	var out, raw bytes.Buffer
	w, err := parquet.New(&out, columns, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		raw.Reset()
		raw.Write(user.Raw)
		if err := w.User(raw.Bytes()); err != nil {
			t.Fatal(err)
		}
		clear(raw.Bytes())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Users() != len(users) || w.Size() != int64(out.Len()) {
		t.Errorf("%d users in %d bytes, want %d in %d", w.Users(), w.Size(), len(users), out.Len())
	}
	return out.Bytes()
}

func open(t testing.TB, file []byte) *parquetgo.File {
	t.Helper()
	f, err := parquetgo.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read reads every row.
func read(t testing.TB, file []byte) []any {
	t.Helper()
	f := open(t, file)
	rows := make([]any, f.NumRows())
	reader := parquetgo.NewGenericReader[any](f)
	defer func() { _ = reader.Close() }()
	for n := 0; n < len(rows); {
		read, err := reader.Read(rows[n:])
		if n += read; n < len(rows) && err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// compareRow compares a row with the model, and texts that are JSON by their meaning.
func compareRow(want map[string]any, got any) string {
	return cmp.Diff(any(want), got, cmp.Comparer(func(a, b string) bool { return a == b || sameJSON(a, b) }))
}

func sameJSON(a, b string) bool {
	decode := func(text string) (v any, ok bool) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		return v, d.Decode(&v) == nil && (text[0] == '{' || text[0] == '[')
	}
	x, isJSON := decode(a)
	y, isJSONToo := decode(b)
	return isJSON && isJSONToo && cmp.Equal(x, y)
}
