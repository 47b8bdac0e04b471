package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // SQLite in pure Go
)

// schema: tenants share the table, kept apart by their source. A user who has gone leaves a
// tombstone, a row without a user: without it, an older event that comes late would be the
// first of its subject, and bring the user back.
const schema = `
CREATE TABLE IF NOT EXISTS users (
	source   TEXT NOT NULL,
	id       TEXT NOT NULL,
	sequence TEXT NOT NULL, -- of the event that the row is from
	user     TEXT,          -- JSON, NULL for a tombstone
	PRIMARY KEY (source, id)
)`

// upsert lets a row only get younger. The sequence and the user go in by one statement, so
// by one transaction: a crash between two would leave a sequence whose user never came, and
// the event that is sent again would look known. If you keep them in two tables, begin a
// transaction around the comparison and both writes.
const upsert = `
INSERT INTO users (source, id, sequence, user) VALUES (?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET sequence = excluded.sequence, user = excluded.user
WHERE excluded.sequence > users.sequence`

// table is the table of users.
type table struct{ *sql.DB }

func open(ctx context.Context, database string) (table, error) {
	db, err := sql.Open("sqlite", database)
	if err != nil {
		return table{}, fmt.Errorf("%s: %w", database, err)
	}
	db.SetMaxOpenConns(1) // the pragma is one of the connection
	for _, statement := range []string{"PRAGMA busy_timeout = 5000", schema} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return table{}, errors.Join(fmt.Errorf("%s: %w", database, err), db.Close())
		}
	}
	return table{db}, nil
}

// apply applies an event and commits. It reports false for one that is not younger than the
// row: a repetition, or one that was overtaken.
func (t table) apply(ctx context.Context, e event) (bool, error) {
	var user any
	if e.user != nil {
		user = string(e.user)
	}
	done, err := t.ExecContext(ctx, upsert, e.source, e.subject, e.sequence, user)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}
