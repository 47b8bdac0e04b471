package bustest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

const source = "urn:rollcall:tenant:6c1f0a52-9f10-4dcb-9a5e-0a2f7b6b0f11"

// User returns the event of one user, whose data is about size bytes.
func User(n, size int) bus.Event {
	return bus.Event{
		ID: fmt.Sprintf("%08x-listed", n), Source: source, Type: "rollcall.user.listed",
		Subject:  fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
		Time:     time.Date(2026, time.November, 22, 6, 30, 0, 120_000_000, time.UTC),
		Sequence: fmt.Sprintf("%012d", n),
		Data:     []byte(`{"user":{"id":"` + fmt.Sprint(n) + `","displayName":"` + strings.Repeat("x", max(0, size-40)) + `"}}`),
	}
}

// nasty is data that services are known to refuse or to change.
func nasty() []bus.Event {
	texts := []string{
		`"plain"`,
		`"🧑‍🚒 Zoë Müller 漢字"`,
		"\"line\u2028and\u2029paragraph\"",
		`"\u0000\u0001\u0008\u000b\u000c\u001f\u007f"`,
		"\"delete \u007f, C1 \u0085 \u009f\"",
		`"\"quotes\" \\ back\\slash <b>&amp;</b> 'x' ]]>"`,
		"\"not a character: \ufffe \uffff \ufdd0\"",
		"\"beyond: \U0001fffe \U0010ffff\"",
		`"lone \ud800 and \udfff, \ud83d\ude80"`,
		"\"\ufeffbyte order mark\"",
		`"tab\tline\nreturn\r"`,
		"{\n  \"over\": [1,\r\n 2]\n}",
		`"%2B+ &=%"`,
		`[-9223372036854775808, 9223372036854775807, 1.5e300, 0.1, true, null]`,
	}
	events := make([]bus.Event, len(texts))
	for i, text := range texts {
		events[i] = User(i, 0)
		events[i].Data = []byte(`{"text":` + text + `}`)
	}
	return events
}

// decoded is an event as consumers see it.
func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(text, &event); err != nil {
		t.Fatalf("a message is not JSON: %v\n%.300q", err, text)
	}
	return event
}

// id is a message's event id.
func id(t *testing.T, text []byte) string {
	t.Helper()
	id, _ := decoded(t, text)["id"].(string)
	return id
}

// wantEvents compares what arrived with what was sent, in any order, each once.
func wantEvents(t *testing.T, arrived [][]byte, sent []bus.Event) {
	t.Helper()
	if len(arrived) != len(sent) {
		t.Errorf("%d messages arrived, want %d", len(arrived), len(sent))
	}
	byID := map[string]map[string]any{}
	for _, text := range arrived {
		event := decoded(t, text)
		id, _ := event["id"].(string)
		if byID[id] != nil {
			t.Errorf("event %s arrived twice", id)
		}
		byID[id] = event
	}
	for _, e := range sent {
		want := decoded(t, e.AppendJSON(nil))
		if diff := cmp.Diff(want, byID[e.ID]); diff != "" {
			t.Errorf("event %s differs (-sent +arrived):\n%.1000s", e.ID, diff)
		}
	}
}
