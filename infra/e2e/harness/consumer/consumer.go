// Package consumer runs the examples of infra/consumers, which keep a table of users from
// events of changes, and reads their tables.
package consumer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // reads the tables

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// Program is an example.
type Program struct {
	// Language is what it is written in.
	Language string

	command []string
}

// Build returns the examples. What has to be built comes into the folder dir.
func Build(ctx context.Context, dir string) ([]Program, error) {
	binary := filepath.Join(dir, "consumer")
	script, failed := repository.Path("infra", "consumers", "python", "consumer.py")
	python, missing := repository.Installed(".venv", "bin", "python")
	return []Program{{"Go", []string{binary}}, {"Python", []string{python, script}}},
		errors.Join(failed, missing, repository.Plain(ctx, "infra/consumers/go", binary))
}

// Apply has the program apply lines to a database, and returns what it prints.
func (p Program) Apply(ctx context.Context, database string, lines []string) (string, error) {
	command := process.NewCommand(ctx, p.command[0], append(slices.Clone(p.command[1:]), database)...)
	command.Env = process.CleanEnviron()
	command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := command.CombinedOutput()
	return string(out), err
}

// Users are the users that a database has, by source and id with a space between, and how
// many tombstones there are.
func Users(ctx context.Context, database string) (users map[string]any, gone int, err error) {
	db, err := sql.Open("sqlite", database)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", database, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, "SELECT source, id, user FROM users")
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", database, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	users = map[string]any{}
	for rows.Next() {
		var source, id string
		var text sql.NullString
		if err := rows.Scan(&source, &id, &text); err != nil {
			return nil, 0, err
		}
		if !text.Valid {
			gone++
			continue
		}
		var user any
		if err := json.Unmarshal([]byte(text.String), &user); err != nil {
			return nil, 0, fmt.Errorf("the user %s: %w", id, err)
		}
		users[source+" "+id] = user
	}
	return users, gone, rows.Err()
}
