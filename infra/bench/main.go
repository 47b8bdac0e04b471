// Command bench measures this project on this machine, next to the loops that
// people write by hand and to Microsoft's SDK, and prints tables in Markdown.
// `make bench` runs it all; `make bench-peers` what publishing takes, beside the
// other clients; `make bench-changes` what publishing changes takes, `make bench-webhook` how
// long the webhook takes to answer, and `make bench-azure` how the function app of Azure
// starts and publishes.
//
// Each reading happens in a process of its own, and so does the simulated
// tenant, so that a figure is the client's alone. Ratios are taken within one
// run; the figures of two runs or two machines are not to be compared.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run starts the part that the first argument names: this program calls itself
// for the processes that are measured and for the tenant.
func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	part := "all"
	if len(args) > 0 {
		part = args[0]
	}
	switch part {
	case "tenant":
		return serveTenant(ctx, args[1:])
	case "rollcall":
		return client.Report(ctx, client.Rollcall, os.Stdout)
	case "list":
		return client.Report(ctx, client.Read, os.Stdout)
	case "loop":
		return client.Report(ctx, client.Loop, os.Stdout)
	case "difference":
		if len(args) != 3 {
			return errors.New("name two runs")
		}
		return reportDifference(ctx, args[1], args[2])
	case "raw":
		return client.Report(ctx, client.RawLoop, os.Stdout)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	users := flags.Int("users", 100_000, "users of the tenant whose CPU is measured")
	rounds := flags.Int("rounds", 3, "readings of each client; the median counts")
	published := flags.Int("published", 1_000_000, "users of the tenant that is published")
	changed := flags.Int("changed", 10_000, "users who change in a large round")
	peers := flags.Bool("peers", false, "only the other clients and publishing")
	feed := flags.Bool("changes", false, "only publishing changes")
	hook := flags.Bool("webhook", false, "only the answers of the webhook")
	handler := flags.Bool("azure", false, "only the handler of the function app")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	switch {
	case *feed:
		return b.changes(ctx, *published, *changed)
	case *hook:
		return b.webhook(ctx)
	case *handler:
		return b.azure(ctx, *published)
	}
	if err := b.buildPeers(ctx); err != nil {
		return err
	}
	measures := []func(context.Context) error{
		func(ctx context.Context) error { return b.cost(ctx, *users, *rounds) },
		func(ctx context.Context) error { return b.publish(ctx, *published) },
		b.partitions,
	}
	if !*peers {
		measures = append(measures, b.others(*users, *rounds)...)
	}
	for _, measure := range measures {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// others are the measures that only `make bench` takes.
func (b *bench) others(users, rounds int) []func(context.Context) error {
	return []func(context.Context) error{
		b.chain,
		b.million,
		func(ctx context.Context) error { return b.stream(ctx, users, rounds) },
		b.firstUser,
		b.throttled,
		b.coldStart,
		b.webhook,
	}
}
