package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// memorySize is that of the function in template.yaml, in GB: what a second of it
// costs.
const memorySize = 1.0

// publishing is one run of the built functions/snapshot.
type publishing struct {
	spent
	result snapshot.Result
}

// startS3 starts a server of S3 with one bucket.
func (b *bench) startS3(ctx context.Context, name string) (*versity.Server, error) {
	progress("building versitygw: some minutes the first time")
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	server, err := versity.Config{Dir: dir}.Start(ctx)
	if err != nil {
		return nil, err
	}
	if err := cloud.CreateBucket(ctx, server.Config(), "bench"); err != nil {
		server.Close()
		return nil, err
	}
	return server, nil
}

// publishOnce publishes the tenant by the built function, in a process of its own.
func (b *bench) publishOnce(ctx context.Context, t *tenantProcess, at *versity.Server, name, options string, env ...string) (publishing, error) {
	binary := filepath.Join(b.dir, "snapshot")
	if _, err := os.Stat(binary); err != nil {
		if err := repository.Release(ctx, "functions/snapshot", "", binary); err != nil {
			return publishing{}, err
		}
	}
	var p publishing
	var err error
	p.spent, err = invoke(ctx, lambdahost.Config{
		Bootstrap: binary,
		Timeout:   30 * time.Minute,
		Env: slices.Concat(t.Environ(), versity.Environ(at.URL),
			[]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024", "ROLLCALL_SINKS=s3://bench/" + name + options}, env),
	}, snapshot.Input{Run: name}, &p.result)
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	if p.result.Status != snapshot.Complete || p.result.Users != t.users {
		return p, fmt.Errorf("%s published %d users of %d: %s", name, p.result.Users, t.users, p.result.Status)
	}
	return p, nil
}

// publish prints what publishing a tenant takes, beside the list alone.
func (b *bench) publish(ctx context.Context, users int) error {
	tenant, err := b.startTenant(ctx, users, 0, 0)
	if err != nil {
		return err
	}
	defer tenant.Close()
	at, err := b.startS3(ctx, "published")
	if err != nil {
		return err
	}
	defer at.Close()
	progress(fmt.Sprintf("%d users, list alone", users))
	list, err := b.clients[0].read(ctx, tenant)
	if err != nil {
		return err
	}
	each := 1e6 / float64(users)
	fmt.Printf("\n### %d users published by the built function\n\nThrough the S3 client into versitygw, one process a row; no latency. The first row is `list.New` to NDJSON.gz in memory.\n\n", users)
	fmt.Println("| what | CPU µs a user | of the list | peak RSS MiB | wall s | GB-seconds at 1 GB |")
	fmt.Println("|---|--:|--:|--:|--:|--:|")
	row := func(name string, cpu, wall time.Duration, peak int64) {
		fmt.Printf("| %s | %.2f | %.2f | %.0f | %.1f | %.1f |\n", name, cpu.Seconds()*each, float64(cpu)/float64(list.CPU),
			mebibytes(peak), wall.Seconds(), wall.Seconds()*memorySize)
	}
	row("list alone", list.CPU, list.Wall, list.PeakRSS)
	for _, format := range [][2]string{
		{"NDJSON, gzip", "?compression=gzip"}, {"NDJSON, zstd", "?compression=zstd"}, {"CSV, gzip", "?format=csv"}, {"Parquet, zstd", "?format=parquet"},
	} {
		progress(fmt.Sprintf("%d users as %s", users, format[0]))
		p, err := b.publishOnce(ctx, tenant, at, fmt.Sprintf("%x-%d", format[0], users), format[1], "ROLLCALL_PARALLEL=1")
		if err != nil {
			return err
		}
		row(format[0], p.cpu, p.wall, p.peak)
	}
	return nil
}

// partitions prints what reading partitions side by side gains when every first
// byte takes its time.
func (b *bench) partitions(ctx context.Context) error {
	const (
		pages   = 1001
		latency = 100 * time.Millisecond
	)
	tenant, err := b.startTenant(ctx, pages*999, latency, 0)
	if err != nil {
		return err
	}
	defer tenant.Close()
	at, err := b.startS3(ctx, "ranges")
	if err != nil {
		return err
	}
	defer at.Close()
	fmt.Printf("\n### Ranges side by side\n\n%d pages, %s to the first byte, published as NDJSON.gz by the built function.\n\n", pages, latency)
	fmt.Println("| ROLLCALL_PARALLEL | wall s | times faster | peak RSS MiB | GB-seconds at 1 GB |")
	fmt.Println("|--:|--:|--:|--:|--:|")
	var one time.Duration
	for _, n := range []string{"1", "4", "8", "auto"} {
		progress(n + " ranges")
		p, err := b.publishOnce(ctx, tenant, at, "ranges-"+n, "", "ROLLCALL_PARALLEL="+n)
		if err != nil {
			return err
		}
		if n == "1" {
			one = p.wall
		}
		fmt.Printf("| %s | %.1f | %.1f | %.0f | %.1f |\n", n, p.wall.Seconds(), one.Seconds()/p.wall.Seconds(), mebibytes(p.peak), p.wall.Seconds()*memorySize)
	}
	return nil
}
