package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAGraphClientReadsAllPagesByTheirLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		seen := map[string]bool{}
		next := "https://api.example/users"
		for pages := 0; next != ""; pages++ {
			if !strings.HasPrefix(next, "https://api.example/") || pages > 3 {
				t.Fatalf("page %d is at %s", pages, next)
			}
			w, b := s.get(t, next)
			if w.Code != http.StatusOK {
				t.Fatalf("page %d: %d %s", pages, w.Code, w.Body)
			}
			for _, u := range b.Value {
				if len(u) != 3 {
					t.Fatalf("a user has the members %v, want id, displayName and department", u)
				}
				seen[u["id"].(string)] = true
			}
			next = b.Next
		}
		if len(seen) != 250 {
			t.Errorf("%d users, want 250", len(seen))
		}
	})
}

func TestThePageLooksLikeGraphsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w, b := s.get(t, "https://api.example/v1.0/users?$select=displayName&$top=7&$count=true")
		text := w.Body.String()
		inOrder := []string{`"@odata.context"`, `"@odata.count"`, `"@odata.nextLink"`, `"value"`}
		for i, member := range inOrder[1:] {
			if strings.Index(text, inOrder[i]) > strings.Index(text, member) {
				t.Errorf("%s comes behind %s", inOrder[i], member)
			}
		}
		if b.Context != "https://api.example/v1.0/$metadata#users(displayName,id)" || b.Count == nil || *b.Count != 250 || len(b.Value) != 7 {
			t.Errorf("context %q, count %v, %d users", b.Context, b.Count, len(b.Value))
		}
		if strings.Contains(text, "department") {
			t.Error("a column that was not selected is there")
		}
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/json;odata.metadata=minimal") {
			t.Errorf("Content-Type %q", got)
		}
	})
}
