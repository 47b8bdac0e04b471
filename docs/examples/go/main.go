// This example reads a snapshot published by Rollcall: it finds the current one
// through latest, verifies all of it, and only then uses any of it.
//
//	go run ./docs/examples/go snapshot/latest/tenant=<guid>.json
//	go run ./docs/examples/go s3://bucket/prefix/latest/tenant=<guid>.json
//
// It reads NDJSON into memory.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "not loaded:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name the latest snapshot, such as snapshot/latest/tenant=<guid>.json or s3://bucket/prefix/latest/tenant=<guid>.json")
	}
	store, key, err := open(ctx, args[0])
	if err != nil {
		return err
	}
	latest, manifest, err := current(ctx, store, key)
	if err != nil {
		return err
	}
	users, err := load(ctx, store, latest, manifest)
	if err != nil {
		return fmt.Errorf("run %s: %w", latest.Run, err)
	}
	fmt.Printf("%d users of run %s, started %s\n", len(users), latest.Run, latest.StartedAt.Format("2006-01-02 15:04:05 MST"))
	shown := 0
	for id, user := range users {
		if shown++; shown > 3 {
			break
		}
		fmt.Printf("  %s  %s\n", id, user.UserPrincipalName)
	}
	return nil
}
