package graph_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/guid"
)

// kinds are values of every kind of JSON, of which some are odd ones of their kind.
func kinds() []string {
	return []string{
		`null`, `true`, `false`, `""`, `"a"`, `"7"`, `"\u0000"`, `"\ud800"`, `0`, `7`, `-1`, `-0`, `1.5`, `1e2`, `1e999`, `18446744073709551616`,
		`99999999999999999999999999999999999999999999`, `[]`, `[null]`, `[7]`, `[[]]`, `{}`, `{"id":"a"}`, `{"":null}`, `{"reason":null}`, `{"reason":{}}`, `{"code":7}`,
	}
}

// bodies are pages of which each member has a value of each kind, alone and twice.
func bodies() []string {
	var all []string
	for _, v := range kinds() {
		all = append(all, v, `{"value":[`+v+`]}`, `{"value":[{"id":`+v+`}]}`, `{"value":[{"id":"a","id":`+v+`}]}`, `{"value":[{"id":"a","@removed":`+v+`}]}`)
		for _, name := range []string{"value", "@odata.nextLink", "@odata.deltaLink", "@odata.count", "@odata.context", "error", "x"} {
			member := `"` + name + `":` + v
			all = append(all, `{`+member+`}`, `{`+member+`,"value":[]}`, `{"value":[{"id":"a"}],`+member+`}`, `{`+member+`,`+member+`,"value":[]}`)
		}
	}
	return all
}

func answering(t testing.TB, status int, body string) *graph.Client {
	return (&answers{all: []answer{{status: status, body: body}}}).client(t, graph.Config{Attempts: 1})
}

// readPage reads one page and returns its users.
func readPage(t testing.TB, body string) (users []string, page *graph.Page, err error) {
	page, err = answering(t, 200, body).Page(t.Context(), graph.Query{}, "")
	if err != nil {
		return nil, nil, err
	}
	for user, err := range page.Users() {
		if err != nil {
			return users, page, err
		}
		checkUser(t, user)
		users = append(users, string(user.Raw))
	}
	return users, page, nil
}

// checkUser makes sure that whoever reads a user by other means reads the same.
func checkUser(t testing.TB, user graph.User) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(user.Raw, &members); err != nil || !utf8.Valid(user.Raw) || bytes.ContainsAny(user.Raw, "\r\n") {
		t.Fatalf("%q is no user: %v", user.Raw, err)
	}
	var id string
	if err := json.Unmarshal(members["id"], &id); err != nil || id != string(user.ID) && utf8.Valid(user.ID) || len(user.ID) == 0 {
		t.Fatalf("the id of %q is %q", user.Raw, user.ID)
	}
}

func TestNoMemberOfAPageMayBeOfAnyKind(t *testing.T) {
	for _, body := range bodies() {
		users, _, err := readPage(t, body)
		var members struct {
			Count json.RawMessage `json:"@odata.count"`
		}
		_ = json.Unmarshal([]byte(body), &members)
		if c := string(members.Count); err == nil && c != "" && c != "7" && c != "0" {
			t.Errorf("%s is a page of %d users", body, len(users))
		}
		var answer *graph.Error
		if err != nil && !errors.As(err, &answer) {
			t.Errorf("%s: %v", body, err)
		}
		if _, err := answering(t, 200, body).Count(t.Context(), graph.Query{}, new(graph.Stats)); err == nil && body != "0" && body != "7" {
			t.Errorf("%s is a count", body)
		}
		if user, err := answering(t, 200, body).User(t.Context(), "7", graph.Query{}); err == nil {
			checkUser(t, user)
		}
		_, _ = answering(t, 200, body).DeltaLink(t.Context(), nil, new(graph.Stats))
		if _, err := answering(t, 400, body).Count(t.Context(), graph.Query{}, new(graph.Stats)); err == nil {
			t.Errorf("%s with status 400 is no error", body)
		}
	}
}

func TestAMemberOfTheWrongKindIsAFaultThatIsRetried(t *testing.T) {
	for _, v := range []string{`null`, `"7"`, `true`, `{}`, `[]`, `1.5`, `1e999`, `-1`} {
		users, _, err := readPage(t, `{"@odata.count":`+v+`,"value":[{"id":"a"}]}`)
		if err == nil || !strings.Contains(err.Error(), "count") {
			t.Errorf("a count of %s: %d users, %v", v, len(users), err)
		}
	}
}

func TestAnErrorsCodeIsReadWhateverItsOtherMembersAre(t *testing.T) {
	for _, v := range kinds() {
		_, err := answering(t, 400, `{"error":{"message":`+v+`,"innerError":`+v+`,"code":"Request_BadRequest","details":`+v+`},"x":`+v+`}`).Count(t.Context(), graph.Query{}, new(graph.Stats))
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Code != "Request_BadRequest" {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestAUserWithTwoIDsIsNoUser(t *testing.T) {
	for _, user := range []string{`{"id":"a","id":"b"}`, `{"id":"a","x":{},"id":"a"}`, `{"id":"a","manager":{"id":"m"},"id":null}`} {
		if users, _, err := readPage(t, `{"value":[`+user+`]}`); err == nil {
			t.Errorf("%s", users)
		}
		if _, err := answering(t, 200, user).User(t.Context(), "a", graph.Query{}); err == nil {
			t.Errorf("%s is a user", user)
		}
	}
	if _, _, err := readPage(t, `{"value":[{"id":"a","manager":{"id":"m"}}]}`); err != nil {
		t.Error(err)
	}
}

func FuzzPage(f *testing.F) {
	for _, body := range bodies() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		users, page, err := readPage(t, body)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatalf("%q is read as a page: %v", body, err)
		}
		var all []json.RawMessage
		if _ = json.Unmarshal(members["value"], &all); len(all) != len(users) && utf8.ValidString(body) && !strings.Contains(body, `\u`) {
			t.Errorf("%q has %d users, %d were read", body, len(all), len(users))
		}
		if n, ok := page.Count(); ok && n < 0 {
			t.Errorf("%q counts %d", body, n)
		}
	})
}

func FuzzChanges(f *testing.F) {
	for _, body := range bodies() {
		f.Add(body)
	}
	f.Add(`{"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b","value":[{"id":"a","@removed":{"reason":"deleted"}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		link, err := answering(t, 200, body).Delta(t.Context(), deltaRoot+"?$deltatoken=a", new(graph.Stats), func(c graph.Change) error {
			checkUser(t, c.User)
			if c.Removed != "" && c.Removed != "changed" && c.Removed != "deleted" {
				t.Errorf("%q is removed as %q", c.Raw, c.Removed)
			}
			return nil
		})
		if err == nil && link == "" {
			t.Errorf("%q is the end of the changes, without a link", body)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, v := range kinds() {
		f.Add(400, v)
		f.Add(403, `{"error":`+v+`}`)
		f.Add(404, `{"error":{"code":`+v+`,"message":`+v+`,"innerError":`+v+`}}`)
	}
	f.Add(502, "<html>anna.canary</html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 || status == 200 {
			return
		}
		_, err := answering(t, status, body).Count(t.Context(), graph.Query{}, new(graph.Stats))
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Status != status {
			t.Fatalf("%d %q: %v", status, body, err)
		}
		for _, c := range []byte(answer.Code + answer.RequestID) {
			if c <= ' ' || c >= 0x7f {
				t.Errorf("%q has the code %q and the request-id %q", body, answer.Code, answer.RequestID)
			}
		}
	})
}

func FuzzCount(f *testing.F) {
	for _, v := range append(kinds(), "\ufeff12", "12\n", "+12", "1_2", "0x1", " ") {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, body string) {
		n, err := answering(t, 200, body).Count(t.Context(), graph.Query{}, new(graph.Stats))
		digits := strings.TrimSpace(strings.TrimPrefix(body, "\ufeff"))
		if plain := digits != "" && strings.Trim(digits, "0123456789") == ""; n < 0 || err == nil && !plain || plain && len(digits) < 19 && err != nil {
			t.Errorf("%q is a count of %d, %v", body, n, err)
		}
	})
}

func FuzzRegistration(f *testing.F) {
	const id = `"7ead7ead-0a57-4a7e-9d0c-ba9876543210"`
	for _, v := range append(kinds(), `[{"keyId":`+id+`,"hint":"abc","customKeyIdentifier":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","endDateTime":"9999-12-31T23:59:59Z"}]`) {
		f.Add(`{"id":` + id + `,"passwordCredentials":` + v + `,"keyCredentials":[]}`)
		f.Add(`{"id":` + id + `,"passwordCredentials":[],"keyCredentials":` + v + `}`)
		f.Add(`{"id":` + id + `,"passwordCredentials":[],"keyCredentials":[{"keyId":` + id + `,"customKeyIdentifier":` + v + `,"endDateTime":` + v + `}]}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		client := (&answers{all: slices.Repeat([]answer{{status: 200, body: body}}, 2)}).client(t, graph.Config{Attempts: 1})
		found, err := client.Registration(t.Context(), readerID)
		if err != nil {
			return
		}
		for _, k := range found.Keys {
			if !guid.Valid(k.KeyID) || k.Thumbprint != "" && len(k.Thumbprint) != 40 {
				t.Errorf("%q has the certificate %+v", body, k)
			}
		}
		for _, p := range found.Passwords {
			if !guid.Valid(p.KeyID) || len(p.Hint) > 4<<10 {
				t.Errorf("%q has the client secret %+v", body, p)
			}
		}
	})
}

func FuzzUser(f *testing.F) {
	for _, body := range bodies() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if user, err := answering(t, 200, body).User(t.Context(), "7", graph.Query{}); err == nil {
			checkUser(t, user)
		}
	})
}
