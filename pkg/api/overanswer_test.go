package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/list"
)

// talkative is a user of a Graph that answers with more than was selected, and beside the
// properties with annotations of them.
const talkative = `{"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000001","mail":"secret@contoso.example","displayName":"Anna",` +
	`"Department":"secret","otherMails":["secret@contoso.example"],"otherMails@odata.type":"#Collection(secret)","signInActivity":{"lastSignInDateTime":"secret"},` +
	`"m\u0061ilNickname":"secret","@microsoft.graph.tips":"secret","displayName@example.secret":"secret",` +
	`"manager":{"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000002","displayName":"secret","mail":"secret","manager":{"id":"secret"}},` +
	`"userPrincipalName":"secret@contoso.example","customSecurityAttributes":{"a":{"b":"secret"}}}`

// overanswering is a tenant of this one user. Its Graph takes no notice of what is selected.
func overanswering(t *testing.T, filter string, columns ...string) *served {
	t.Helper()
	s := &served{}
	s.publish(t, answering(t, func(r *http.Request) string {
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/$count"):
			return "1"
		case strings.HasSuffix(path, "/delta"):
			return `{"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a","value":[]}`
		case path == "/v1.0/users":
			return `{"@odata.context":"secret","@odata.nextLink":null,"value":[` + talkative + `]}`
		}
		return `{"@odata.context":"secret",` + talkative[1:]
	}), list.Request{Filter: filter}, columns)
	return s
}

func TestAnAnswerThatHoldsMoreThanWasSelectedIsCutToTheColumns(t *testing.T) {
	const one = "/users/00000000-0000-4000-8000-000000000001"
	for _, filter := range []string{"", "displayName eq 'Anna'"} {
		for columns, want := range map[string][]string{
			"id,displayName":         {"displayName", "id"},
			"id,displayName,manager": {"displayName", "id", "manager"},
			"id":                     {"id"},
		} {
			names := strings.Split(columns, ",")
			if filter != "" && !slices.Contains(names, "displayName") {
				continue
			}
			s := overanswering(t, filter, names...)
			for _, path := range []string{"/users", "/users?$top=1", "/users?$select=" + columns, "/users?$count=true", one, one + "?$select=" + columns, "/users?$format=ndjson", "/users?$format=csv"} {
				w := s.ask(t, http.MethodGet, "https://api.example"+path)
				body := w.Body.String()
				if w.Code != http.StatusOK || strings.Contains(body, "secret") || !strings.Contains(body, "00000000-0000-4000-8000-000000000001") ||
					strings.Contains(body, "00000000-0000-4000-8000-000000000002") != slices.Contains(want, "manager") {
					t.Errorf("columns %s, %s: %d %s", columns, path, w.Code, body)
				}
				if got := membersOf(t, path, body); got != nil && !slices.Equal(got, want) {
					t.Errorf("columns %s, %s: a user has %v", columns, path, got)
				}
			}
		}
	}
}

func TestACallerWhoSelectsLessGetsLessFromAGraphThatAnswersWithMore(t *testing.T) {
	s := overanswering(t, "", "id", "displayName", "mail", "userPrincipalName", "manager")
	for _, path := range []string{"/users?$select=displayName", "/users/00000000-0000-4000-8000-000000000001?$select=displayName", "/users?$select=id,displayName&$format=ndjson", "/users?$select=id,displayName&$format=csv"} {
		if w := s.ask(t, http.MethodGet, "https://api.example"+path); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// membersOf are the names of the user's members, sorted, without annotations; nil for CSV.
func membersOf(t *testing.T, path, body string) []string {
	t.Helper()
	if strings.HasSuffix(path, "csv") {
		return nil
	}
	body, _, _ = strings.Cut(body, "\n")
	var page struct{ Value []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatalf("%s: %v %s", path, err, body)
	}
	if len(page.Value) > 0 {
		body = string(page.Value[0])
	}
	var user map[string]any
	if err := json.Unmarshal([]byte(body), &user); err != nil {
		t.Fatalf("%s: %v %s", path, err, body)
	}
	names := []string{}
	for name := range user {
		if !strings.Contains(name, "@") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
