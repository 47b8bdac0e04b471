package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const (
	tenant = "urn:rollcall:tenant:11111111-2222-4333-8444-555555555555"
	ada    = "aaaaaaaa-2222-4333-8444-555555555555"
)

// line is an event of Ada, as `rollcall changes` prints it.
func line(kind, sequence string) string {
	return `{"specversion":"1.0","id":"1","source":"` + tenant + `","type":"rollcall.user.` + kind + `","subject":"` + ada +
		`","sequence":"` + strings.Repeat("0", 20-len(sequence)) + sequence + `","data":{"user":{"id":"` + ada + `","n":` + sequence + `}}}`
}

func TestTheSequenceAndTheUserMoveTogether(t *testing.T) {
	users, err := open(t.Context(), filepath.Join(t.TempDir(), "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = users.Close() }()
	if _, err := users.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE UPDATE OF user ON users BEGIN SELECT RAISE(FAIL, 'full'); END`); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		sequence string
		fails    bool
	}{{"1", false}, {"2", true}} {
		e, err := parse([]byte(line("updated", step.sequence)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := users.apply(t.Context(), e); (err != nil) != step.fails {
			t.Fatal(err)
		}
	}
	var sequence, user string
	if err := users.QueryRowContext(t.Context(), "SELECT sequence, user FROM users").Scan(&sequence, &user); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(sequence, "01") || !strings.Contains(user, `"n":1`) {
		t.Errorf("the row is of %s with %s, want both of the first event", sequence, user)
	}
}

func FuzzParse(f *testing.F) {
	plain := line("updated", "7")
	quoted, err := json.Marshal(plain)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{plain, line("purged", "9"), `{"body":` + string(quoted) + `}`, `{"Body":` + string(quoted) + `}`, `{"detail":` + plain + `}`, `{"detail":null}`, `null`, `{"data":{"user":null}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parse(text)
		if err != nil {
			return
		}
		if len(e.sequence) != 20 || !strings.HasPrefix(e.source, "urn:rollcall:tenant:") || len(e.subject) != 36 {
			t.Errorf("%+v", e)
		}
		if e.user != nil && (!json.Valid(e.user) || !bytes.HasPrefix(bytes.TrimSpace(e.user), []byte("{"))) {
			t.Errorf("the user is %s", e.user)
		}
	})
}
