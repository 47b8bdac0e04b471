// This example keeps the table users of a SQLite database as the directory is, by
// applying the events that Rollcall publishes about changes. Copy it and change what it
// stores; what makes it correct is in event.go and table.go.
//
//	rollcall changes --state ./state --baseline emit | go run ./consumers/go users.db
//
// Each run applies what has changed since the last one; the first has everybody. Each line
// of the standard input is an event, or a message of SQS or EventBridge with an event in it.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// longest is the longest line that is read. A message of SQS or EventBridge has 1 MiB,
// which escaping in an envelope may double, and again.
const longest = 4 << 20

func main() {
	if len(os.Args) != 2 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: rollcall changes --state ./state --baseline emit | go run ./consumers/go users.db")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdin, os.Args[1]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "stopped:", err)
		os.Exit(1)
	}
}

// run applies every event of the input. It stops at the first one that it cannot apply:
// to go on without it would be to lose it. What came before is in the table, and may come
// again.
func run(ctx context.Context, input io.Reader, database string) (err error) {
	users, err := open(ctx, database)
	if err != nil {
		return err
	}
	defer func() {
		if failed := users.Close(); err == nil {
			err = failed
		}
	}()
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, longest)
	read, applied := 0, 0
	for lines.Scan() {
		read++
		e, err := parse(lines.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", read, err)
		}
		changed, err := users.apply(ctx, e)
		if err != nil {
			return fmt.Errorf("line %d: %w", read, err)
		}
		// With a queue, this is where the message is deleted: after the commit, never before.
		if changed {
			applied++
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d: longer than %d bytes", read+1, longest)
	} else if err != nil {
		return fmt.Errorf("line %d: %w", read+1, err)
	}
	_, err = fmt.Printf("%d of %d events applied; the others were known or too late\n", applied, read)
	return err
}
