package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
)

// cost prints what one user costs each client without any latency.
func (b *bench) cost(ctx context.Context, users, rounds int) error {
	tenant, err := b.startTenant(ctx, users, 0, 0)
	if err != nil {
		return err
	}
	defer tenant.Close()
	readings := make([][]client.Measurement, len(b.clients))
	for round := range rounds { // in turns, so that a busy minute affects all
		progress(fmt.Sprintf("%d users by each client, round %d of %d", users, round+1, rounds))
		for i, c := range b.clients {
			m, err := c.read(ctx, tenant)
			if err != nil {
				return err
			}
			readings[i] = append(readings[i], m)
		}
	}
	fmt.Printf("\n### One user: TLS in, NDJSON in gzip (level 1) out\n\n%d users of %d bytes, pages of %d, median of %d readings, each in its own process.\n\n",
		users, readings[0][0].Plain/int64(users), client.PageSize, rounds)
	fmt.Println("| client | CPU µs a user | ratio | allocations a user | bytes allocated a user | peak RSS MiB | wall s |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	ours := median(readings[0], func(m client.Measurement) time.Duration { return m.CPU })
	for i, c := range b.clients {
		cpu := median(readings[i], func(m client.Measurement) time.Duration { return m.CPU })
		each := 1 / float64(users)
		fmt.Printf("| %s | %.2f | %.1f | %.2f | %.0f | %.0f | %.2f |\n", c.name,
			float64(cpu.Nanoseconds())/1e3*each, float64(cpu)/float64(ours),
			float64(median(readings[i], func(m client.Measurement) uint64 { return m.Allocations }))*each,
			float64(median(readings[i], func(m client.Measurement) uint64 { return m.Allocated }))*each,
			mebibytes(median(readings[i], func(m client.Measurement) int64 { return m.PeakRSS })),
			median(readings[i], func(m client.Measurement) time.Duration { return m.Wall }).Seconds())
	}
	return nil
}

// chain prints how long one chain of pages takes when every first byte takes its
// time and the transfer almost as long.
func (b *bench) chain(ctx context.Context) error {
	const (
		pages     = 100
		latency   = 100 * time.Millisecond
		bandwidth = 8_000_000
	)
	tenant, err := b.startTenant(ctx, pages*client.PageSize, latency, bandwidth)
	if err != nil {
		return err
	}
	defer tenant.Close()
	ideal := pages * latency
	fmt.Printf("\n### Wall time of one chain\n\n%d pages, %s to the first byte, %d MB/s: pages x first byte = %s.\n\n", pages, latency, bandwidth/1_000_000, ideal)
	fmt.Println("| client | wall s | wall / (pages x first byte) |")
	fmt.Println("|---|--:|--:|")
	for _, c := range b.clients {
		progress(fmt.Sprintf("%d pages with latency by %s", pages, c.name))
		m, err := c.read(ctx, tenant)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.2f | %.3f |\n", c.name, m.Wall.Seconds(), float64(m.Wall)/float64(ideal))
	}
	return nil
}

// million prints what a large tenant takes.
func (b *bench) million(ctx context.Context) error {
	const users = 1_000_000
	tenant, err := b.startTenant(ctx, users, 0, 0)
	if err != nil {
		return err
	}
	defer tenant.Close()
	progress("a million users")
	m, err := b.clients[0].read(ctx, tenant)
	if err != nil {
		return err
	}
	fmt.Printf("\n### A million users\n\n| peak RSS MiB | CPU s | wall s | NDJSON.gz MB |\n|--:|--:|--:|--:|\n| %.0f | %.2f | %.2f | %.0f |\n",
		mebibytes(m.PeakRSS), m.CPU.Seconds(), m.Wall.Seconds(), float64(m.Written)/1e6)
	return nil
}

func median[T any, V cmp.Ordered](all []T, value func(T) V) V {
	values := make([]V, len(all))
	for i, one := range all {
		values[i] = value(one)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
