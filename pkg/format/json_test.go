package format_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

func TestAFailedStreamEndsWithAFailureRecord(t *testing.T) {
	var out bytes.Buffer
	w := format.NewNDJSON(&out)
	if err := w.User([]byte(`{"id":"1"}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Fail("Graph.Throttled", "try again in \"a minute\"\n\xff\x1b"); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"1"}` + "\n" +
		`{"@rollcall.complete":false,"error":{"code":"Graph.Throttled","message":"try again in \"a minute\"\n` + "\ufffd" + `\u001b"}}` + "\n"
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", out.String(), want)
	}
	if !json.Valid(bytes.Split(out.Bytes(), []byte("\n"))[1]) {
		t.Error("the record is not JSON")
	}
}

func TestAStoredFileHasNoClosingRecord(t *testing.T) {
	var out bytes.Buffer
	w := format.NewNDJSON(&out)
	if err := w.User([]byte(`{"id":"1"}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"1"}` + "\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestAFailedJSONListIsNotValidJSON(t *testing.T) {
	for _, users := range []int{0, 1, 3} {
		var out bytes.Buffer
		w := format.NewJSON(&out)
		for range users {
			if err := w.User([]byte(`{"id":"1"}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if json.Valid(out.Bytes()) {
			t.Errorf("after %d users a parser accepts %q", users, out.String())
		}
	}
}
