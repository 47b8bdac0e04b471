package azure_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

// FuzzInvocation has a body that anybody may have posted. Whatever it is, the answer has the
// form that the host takes, and what a caller sends is in no log.
func FuzzInvocation(f *testing.F) {
	for _, body := range []string{
		`{"Data":{"req":{"Url":"https://a.example/api/users?code=canarycanary","Method":"GET","Headers":{"Host":["a.example"],"X-Ms-Client-Principal":["e30="]},"Body":"e30="}},"Metadata":{}}`,
		`{"Data":{"job":"\"{\\\"run\\\":\\\"a\\\"}\""},"Metadata":{"DequeueCount":"5","Id":"\"x\"","InsertionTime":"2026-11-28T10:00:00+00:00"}}`,
		`{"Data":{"timer":{"IsPastDue":false}}}`, `{"Data":{"a":null}}`, `{"Data":{"a":"\"\"\"\""}}`, `[]`, `{"Data":{"a":{"Url":"%","Method":"\u0000"}}}`,
	} {
		f.Add(body)
	}
	log, text := logger()
	files := folder{"host.json": `{"functionTimeout":"00:00:01"}`, "users/function.json": keyed, "run/function.json": queued, "due/function.json": queued}
	w := worker{}
	h, err := (&azure.App{Settings: azure.Settings{Root: files.write(f)}, Log: log, Functions: map[string]azure.Function{
		"users": &azure.HTTP{Handler: http.HandlerFunc(echo), Output: "res", Log: log},
		"run":   &azure.Queue[input, output]{Do: w.do, Output: "next", Log: log, Next: func(in input, _ *output) (input, bool) { return in, true }},
		"due":   &azure.Timer[input]{Output: "jobs", Log: log, Due: func(context.Context, time.Time) ([]input, error) { return nil, nil }},
	}}).Handler()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w.asked = nil
		for _, name := range []string{"users", "run", "due"} {
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+name, strings.NewReader(body)))
			var members map[string]json.RawMessage
			if json.Unmarshal(answer.Body.Bytes(), &members) != nil || len(members) != 3 {
				t.Fatalf("%s: %d %s", name, answer.Code, answer.Body)
			}
		}
		if strings.Contains(text.String(), "canarycanary") {
			t.Fatal(text.String())
		}
		text.Reset()
	})
}
