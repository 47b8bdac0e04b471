package bus_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

// FuzzEvent has events of any texts. As JSON they are on one line and read as what they
// are; what services that speak XML get has no character that XML has not, and reads the
// same.
func FuzzEvent(f *testing.F) {
	f.Add("1", "urn:rollcall:tenant:a", "rollcall.user.listed", "kim", "7", "https://x", `{"a":[1,"b"]}`, int64(1))
	f.Add("\u2028\"\\", "\xff\xfe", "a\x00b", "\ufffe\uffff", "\r\n", "\t", "{\r\n\"a\" :\n1e5 }", int64(0))
	f.Add("\U0010ffff", "\ud7ff", "<&>]]>", "\x7f\u0085", "\x1b[2J", "", `{"\ud800":"\udfff"}`, int64(-62135596800))
	f.Add("a", "b", "c", "", "", "", "", int64(1<<40))
	f.Fuzz(func(t *testing.T, id, source, kind, subject, sequence, ref, data string, seconds int64) {
		if data != "" && !json.Valid([]byte(data)) || !utf8.ValidString(data) {
			return // the caller's promise
		}
		e := bus.Event{ID: id, Source: source, Type: kind, Subject: subject, Sequence: sequence, DataRef: ref, Data: []byte(data)}
		if at := time.Unix(seconds, 5).UTC(); at.Year() > 0 && at.Year() < 10_000 {
			e.Time = at
		}
		text := e.AppendJSON([]byte("before"))[len("before"):]
		if bytes.ContainsAny(text, "\r\n") || !json.Valid(text) {
			t.Fatalf("%q", text)
		}
		var read struct {
			SpecVersion, ID, Source, Type, Subject, Sequence, DataRef string
			Time                                                      time.Time
			Data                                                      any
		}
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]string{
			{id, read.ID}, {source, read.Source}, {kind, read.Type}, {subject, read.Subject}, {sequence, read.Sequence}, {ref, read.DataRef}, {"1.0", read.SpecVersion},
		} {
			if want := strings.Join(runes(pair[0]), ""); pair[1] != want {
				t.Fatalf("%q becomes %q", pair[0], pair[1])
			}
		}
		var want any
		if data != "" {
			_ = json.Unmarshal([]byte(data), &want)
		}
		if !cmp.Equal(read.Data, want) || !read.Time.Equal(e.Time) {
			t.Fatalf("%s and %s become %s", data, e.Time, text)
		}
		safe := e.AppendXMLSafe(nil)
		bustest.WantXML(t, string(safe))
		var one, other any
		if json.Unmarshal(text, &one) != nil || json.Unmarshal(safe, &other) != nil || !cmp.Equal(one, other) {
			t.Fatalf("%q becomes %q", text, safe)
		}
	})
}

// runes are the characters of a text, those that are none replaced.
func runes(text string) []string {
	var all []string
	for _, r := range text {
		all = append(all, string(r))
	}
	return all
}
