package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// readUser reads a user by each of the ways that there are: a page, a single read and
// the changes.
func readUser(t *testing.T, object string, q graph.Query) map[string]string {
	t.Helper()
	got := map[string]string{}
	page, err := answering(t, 200, `{"value":[`+object+`]}`).Page(t.Context(), q, "")
	if err != nil {
		t.Fatal(err)
	}
	for user, err := range page.Users() {
		if err != nil {
			got["page"] = err.Error()
			continue
		}
		got["page"] = string(user.Raw)
	}
	if user, err := answering(t, 200, object).User(t.Context(), "7", q); err != nil {
		got["single"] = err.Error()
	} else {
		got["single"] = string(user.Raw)
	}
	_, err = answering(t, 200, `{"@odata.deltaLink":"`+deltaRoot+`?$deltatoken=b","value":[`+object+`]}`).Delta(
		t.Context(), deltaRoot+"?$deltatoken=a", new(graph.Stats), func(c graph.Change) error {
			got["changes"] = string(c.Raw)
			return nil
		})
	if err != nil {
		got["changes"] = err.Error()
	}
	return got
}

func TestHalfOfASurrogatePairIsTheReplacementCharacterEverywhere(t *testing.T) {
	for written, want := range map[string]string{
		`\ud83d`:                   "\ufffd",
		`\uD83D`:                   "\ufffd",
		`\uDbFf`:                   "\ufffd",
		`\udc00`:                   "\ufffd",
		`\uDFFF`:                   "\ufffd",
		`a\ud83dz`:                 "a\ufffdz",
		`\ud83d\ude00`:             "\U0001f600",
		`\uD83D\uDE00\uDE00`:       "\U0001f600\ufffd",
		`\ude00\ud83d`:             "\ufffd\ufffd",
		`\ud83d\ud83d\ude00`:       "\ufffd\U0001f600",
		`\ud83d\u0041`:             "\ufffdA",
		`\ud83d\n\ude00`:           "\ufffd\n\ufffd",
		`\ud83d\\ude00`:            "\ufffd\\ude00",
		`\\ud83d`:                  `\ud83d`,
		`\\\ud83d`:                 "\\\ufffd",
		`\ud7ff\ue000\u0064\u00d8`: "\ud7ff\ue000d\u00d8",
	} {
		object := `{"id":"a","x` + written + `":"` + written + `","nested":{"` + written + `":["` + written + `"]}}`
		wanted := map[string]any{"id": "a", "x" + want: want, "nested": map[string]any{want: []any{want}}}
		for how, raw := range readUser(t, object, graph.Query{}) {
			if !jsontext.Value(raw).IsValid() {
				t.Errorf("%s: a strict reader refuses %s", how, raw)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(raw), &got); err != nil {
				t.Errorf("%s: %s: %v", how, raw, err)
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("%s of %s:\n%s", how, object, diff)
			}
		}
	}
}

func TestAnIDIsNeverReplaced(t *testing.T) {
	for _, id := range []string{`\ud800`, `a\ud83d`, `\udc00a`} {
		for how, raw := range readUser(t, `{"id":"`+id+`"}`, graph.Query{}) {
			if !strings.Contains(raw, "id is not a string") {
				t.Errorf("%s: %s is a user's id: %s", how, id, raw)
			}
		}
	}
}
