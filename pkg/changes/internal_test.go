package changes

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestValuesAreComparedByWhatTheyMean(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`"a"`, `"a"`, true},
		{`"\u0061"`, `"a"`, true},
		{`"a"`, `"b"`, false},
		{`null`, ``, true},
		{`null`, `""`, false},
		{`["a","b"]`, `["b", "a"]`, true},
		{`["a","a","b"]`, `["a","b","b"]`, false},
		{`{"x":1,"y":2}`, `{"y":2, "x":1}`, true},
		{`[{"x":1,"y":2},3]`, `[3,{"y":2,"x":1}]`, true},
		{`12345678901234567890`, `12345678901234567891`, false},
		{`{"n":12345678901234567890}`, `{"n":12345678901234567891}`, false},
		{`true`, `false`, false},
	} {
		value := func(s string) []byte {
			if s == "" {
				return nil
			}
			return canonical("x", []byte(s))
		}
		if got := sameValue(value(c.a), value(c.b)); got != c.same {
			t.Errorf("%s and %s: %t", c.a, c.b, got)
		}
	}
}

func TestAShardIsReadAsItWasWritten(t *testing.T) {
	c, w := columns{"mail", "department"}, newShardWriter()
	var want []record
	for _, id := range []string{"11111111-2222-4333-8444-555555555555", "odd \" \\ id", "\u00e9"} {
		object := c.appendObject(nil, []byte(id), c.fields([]byte(`{"department":"X","mail":null}`)), omitted)
		want = append(want, record{key: keyOf([]byte(id)), id: []byte(id), deleted: len(want) == 1, object: object})
	}
	for i := range want {
		for j := range want[:i] {
			if want[i].key.compare(want[j].key) < 0 {
				want[i], want[j] = want[j], want[i]
			}
		}
	}
	w.begin(c, "head")
	for i := range want {
		w.add(&want[i], nil)
	}
	s, object := w.close()
	got, err := s.decode(object, "head")
	if err != nil || len(got) != 3 || s.Users != 2 || s.Deleted != 1 || s.Values[0] != 0 || s.Values[1] != 2 {
		t.Fatalf("%+v, %v, %+v", got, err, s)
	}
	for i := range got {
		if !bytes.Equal(got[i].id, want[i].id) || got[i].key != want[i].key || got[i].deleted != want[i].deleted || !bytes.Equal(got[i].object, want[i].object) {
			t.Errorf("%s %s", got[i].id, want[i].id)
		}
	}
	if _, err := s.decode(object, "another head"); err == nil {
		t.Error("the shard of another tenant was read")
	}
	object[len(object)/2]++
	if _, err := s.decode(object, "head"); err == nil {
		t.Error("a damaged shard was read")
	}
}

// FuzzPointer has a pointer that anybody may have written.
func FuzzPointer(f *testing.F) {
	p := pointer{Version: 1, Tenant: "t", Nonce: "n", mirror: mirror{Columns: columns{"mail"}, Link: "l"}}
	p.Shards[3] = shard{Key: "tenant=t/changes/n/03", Users: 1, Values: []int{1}, Size: 9, SHA256: "x"}
	p.Pending = &turn{Turn: 7, Link: "m", Columns: columns{"mail"}, Shards: map[int]shard{3: p.Shards[3]}}
	p.Claim = &claim{Nonce: "n", Shards: []int{1}}
	text, _ := json.Marshal(&p)
	f.Add(text)
	f.Add([]byte(`{"version":2}`))
	for _, resuming := range parked() {
		p := pointer{Version: 2, Tenant: "t", Nonce: "n", mirror: mirror{Columns: columns{"mail"}, Link: "l"}, Resuming: resuming}
		text, _ := json.Marshal(&p)
		f.Add(text)
	}
	r := &run{f: New(Config{Tenant: "t", State: storetest.NewMemory()})}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := r.parse(text)
		if err != nil {
			return
		}
		keys := slices.AppendSeq(slices.Clone(p.Obsolete), maps.Keys(p.names()))
		for _, key := range keys {
			if !strings.HasPrefix(key, "tenant=t/changes/") || strings.Contains(key, "..") || key == pointerKey("t") {
				t.Fatalf("it would delete %s", key)
			}
		}
		p.totals()
		if p.Pending != nil {
			after := p.Pending.after(p.mirror)
			after.totals()
		}
		if p.Resuming != nil {
			p.Resuming.clone().list(list.Request{})
			if p.Resuming.Turn != nil {
				after := p.Resuming.Turn.after(p.mirror)
				after.totals()
			}
		}
	})
}

// FuzzUser has whatever Graph may send of a user.
func FuzzUser(f *testing.F) {
	f.Add(`{"id":"u","mail":"\u0061","manager":{"id":"m"},"x":[{"a":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		value := jsontext.Value(text)
		if !value.IsValid() || value.Kind() != '{' {
			return
		}
		c := columns{"mail", "manager", "x"}
		object := jsontext.Value(c.appendObject(nil, []byte("u"), c.fields(value), asNull))
		if !object.IsValid() || string(idOf(object)) != "u" {
			t.Fatalf("%s becomes %s", text, object)
		}
		again := c.appendObject(nil, []byte("u"), c.fields(object), asNull)
		if !bytes.Equal(again, object) {
			t.Fatalf("%s becomes %s and then %s", text, object, again)
		}
	})
}

func TestAnEventHasTheSameIDOnlyInTheSameTurn(t *testing.T) {
	before := record{id: []byte("u"), object: []byte(`{"id":"u","mail":"a"}`)}
	after := record{id: []byte("u"), object: []byte(`{"id":"u","mail":"b"}`)}
	of := func(turn turn) string {
		turn.Columns, turn.Compared = columns{"mail"}, columns{"mail"}
		return turn.events("tenant", &before, &after)[0].ID
	}
	first := of(turn{Turn: 7, Base: "link"})
	if first != of(turn{Turn: 7, Base: "link"}) {
		t.Error("sent again, it has another id")
	}
	if first == of(turn{Turn: 8, Base: "link"}) || first == of(turn{Turn: 7, Base: "link2"}) {
		t.Error("it has the id of another one: a queue would drop it")
	}
}
