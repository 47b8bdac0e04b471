package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// function is a Lambda function whose start is measured.
type function struct {
	name, folder string
	env          []string
	starts       []time.Duration
}

// coldStart prints what the size and the start of the functions are over those of
// a hello-world function.
func (b *bench) coldStart(ctx context.Context) error {
	const rounds = 20
	functions := []*function{
		{name: "hello-world", folder: "infra/bench/hello"},
		{name: "functions/users", folder: "functions/users", env: []string{
			"ROLLCALL_CREDENTIALS=secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall-AbCdEf",
		}},
		{name: "functions/snapshot", folder: "functions/snapshot", env: []string{
			"ROLLCALL_CREDENTIALS=secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall-AbCdEf",
			"ROLLCALL_SINKS=s3://bucket/directory?format=parquet",
		}},
		{name: "functions/webhook", folder: "functions/webhook", env: []string{
			"ROLLCALL_QUEUE=https://sqs.eu-west-1.amazonaws.com/123456789012/rollcall-changes.fifo",
			"ROLLCALL_WEBHOOK_SECRET=secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall-AbCdEf",
			"ROLLCALL_STATE_MACHINE=arn:aws:states:eu-west-1:123456789012:stateMachine:rollcall",
		}},
	}
	progress("cold starts")
	for _, f := range functions {
		if err := repository.Release(ctx, f.folder, "", b.binary(f)); err != nil {
			return err
		}
	}
	for range rounds {
		for _, f := range functions {
			host, err := lambdahost.Config{Bootstrap: b.binary(f), Env: f.env}.Start(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			f.starts = append(f.starts, host.ToFirstPoll())
			host.Close()
		}
	}
	fmt.Printf("\n### Cold start and size\n\nStart of the process to its first poll, median of %d, in turns; the binary stripped, for arm64.\n\n", rounds)
	fmt.Println("| function | start ms | over hello-world ms | binary MB |")
	fmt.Println("|---|--:|--:|--:|")
	base := milliseconds(functions[0])
	for _, f := range functions {
		size, err := b.arm64(ctx, f)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f | %.1f | %.2f |\n", f.name, milliseconds(f), milliseconds(f)-base, float64(size)/1e6)
	}
	return nil
}

func (b *bench) binary(f *function) string { return filepath.Join(b.dir, filepath.Base(f.folder)) }

// arm64 is the size of the binary that Lambda gets.
func (b *bench) arm64(ctx context.Context, f *function) (int64, error) {
	file := b.binary(f) + "-arm64"
	if err := repository.Release(ctx, f.folder, "arm64", file); err != nil {
		return 0, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func milliseconds(f *function) float64 {
	return median(f.starts, func(d time.Duration) time.Duration { return d }).Seconds() * 1e3
}
