package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// streamable is how many users fit into Lambda's 200 MB, with some to spare.
const streamable = 400_000

// streaming is one stream by the built function.
type streaming struct {
	first, wall, cpu time.Duration
	bytes            int64
}

// stream prints what a stream by the built function takes, and how much of it
// is not the reading of Graph.
func (b *bench) stream(ctx context.Context, users, rounds int) error {
	users = min(users, streamable)
	tenant, host, stop, err := b.startStream(ctx, users, 0, 0)
	if err != nil {
		return err
	}
	defer stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	raw := contender{"list.New", self, []string{"list"}}
	progress(fmt.Sprintf("%d users streamed by the built function", users))
	if _, err := streamOnce(ctx, host, users, "identity", nil); err != nil { // gets the token
		return err
	}
	var streams []streaming
	var readings []client.Measurement
	for range rounds { // in turns, so that a busy minute affects both
		s, err := streamOnce(ctx, host, users, "identity", nil)
		if err != nil {
			return err
		}
		streams = append(streams, s)
		m, err := raw.read(ctx, tenant)
		if err != nil {
			return err
		}
		readings = append(readings, m)
	}
	peak, err := host.PeakRSS()
	if err != nil {
		return err
	}
	each := 1e6 / float64(users)
	own := median(streams, func(s streaming) time.Duration { return s.cpu }).Seconds() * each
	reading := median(readings, func(m client.Measurement) time.Duration { return m.CPU }).Seconds() * each
	wall := median(streams, func(s streaming) time.Duration { return s.wall })
	fmt.Printf("\n### A stream by the built function\n\n%d users as NDJSON through the Runtime API, warm, median of %d. Overhead is the function's CPU over that of list.New alone.\n\n", users, rounds)
	fmt.Println("| CPU µs a user | list.New alone | overhead % | wall s | users a second | MB a second | peak RSS MiB |")
	fmt.Println("|--:|--:|--:|--:|--:|--:|--:|")
	fmt.Printf("| %.2f | %.2f | %.0f | %.2f | %.0f | %.0f | %.0f |\n", own, reading, 100*(own/reading-1), wall.Seconds(),
		float64(users)/wall.Seconds(), float64(streams[0].bytes)/1e6/wall.Seconds(), mebibytes(peak))
	return nil
}

// firstUser prints when the first user is there, where a page takes its time.
func (b *bench) firstUser(ctx context.Context) error {
	const (
		users     = 2 * client.PageSize
		latency   = 100 * time.Millisecond
		bandwidth = 500_000
		rounds    = 5
	)
	_, host, stop, err := b.startStream(ctx, users, latency, bandwidth)
	if err != nil {
		return err
	}
	defer stop()
	progress("the first user of a stream")
	var streams []streaming
	for range rounds + 1 {
		s, err := streamOnce(ctx, host, users, "identity", nil)
		if err != nil {
			return err
		}
		streams = append(streams, s)
	}
	streams = streams[1:] // the first one got the token
	first := median(streams, func(s streaming) time.Duration { return s.first })
	wall := median(streams, func(s streaming) time.Duration { return s.wall })
	fmt.Printf("\n### The first user of a stream\n\n2 pages of %d, %s to Graph's first byte, %.1f MB/s, warm, median of %d.\n\n", client.PageSize, latency, bandwidth/1e6, rounds)
	fmt.Println("| first user ms | whole stream ms |")
	fmt.Println("|--:|--:|")
	fmt.Printf("| %d | %d |\n", first.Milliseconds(), wall.Milliseconds())
	return nil
}

// startStream starts a tenant and the built function on it; stop ends both.
func (b *bench) startStream(ctx context.Context, users int, latency time.Duration, bandwidth int) (_ *tenantProcess, _ *lambdahost.Host, stop func(), err error) {
	tenant, err := b.startTenant(ctx, users, latency, bandwidth)
	if err != nil {
		return nil, nil, nil, err
	}
	host, err := b.startFunction(ctx, tenant)
	if err != nil {
		tenant.Close()
		return nil, nil, nil, err
	}
	return tenant, host, func() {
		host.Close()
		tenant.Close()
	}, nil
}

// startFunction runs the built function, set up to stream, on a tenant.
func (b *bench) startFunction(ctx context.Context, t *tenantProcess) (*lambdahost.Host, error) {
	binary := filepath.Join(b.dir, "users")
	if err := repository.Release(ctx, "functions/users", "", binary); err != nil {
		return nil, err
	}
	return lambdahost.Config{
		Bootstrap: binary,
		Timeout:   5 * time.Minute,
		Env:       append(t.Environ(), "ROLLCALL_CREDENTIALS=env:", "ROLLCALL_RESPONSE=stream"),
	}.Start(ctx)
}

// streamOnce invokes the function as a Function URL does and reads its stream, which
// comes in an encoding and by a way that may be narrow.
func streamOnce(ctx context.Context, host *lambdahost.Host, users int, encoding string, way *narrow) (streaming, error) {
	kind := gateway.FunctionURL()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, kind.Base+"/users?$format=ndjson", nil)
	if err != nil {
		return streaming{}, err
	}
	request.Header.Set("Authorization", "Bearer caller")
	request.Header.Set("Accept-Encoding", encoding)
	event, err := json.Marshal(kind.Event(request))
	if err != nil {
		return streaming{}, err
	}
	before, err := host.CPU()
	if err != nil {
		return streaming{}, err
	}
	out := &arrival{began: time.Now(), narrow: way}
	result, err := host.InvokeStream(ctx, event, out)
	if err != nil {
		return streaming{}, err
	}
	if err := out.end(); err != nil {
		return streaming{}, fmt.Errorf("%w; the log:\n%s", err, host.Output())
	}
	wall := time.Since(out.began)
	after, err := host.CPU()
	if err != nil {
		return streaming{}, err
	}
	if want := users + 1; result.ErrorType != "" || out.lines != want {
		return streaming{}, fmt.Errorf("the stream has %d lines of %d %s; the log:\n%s", out.lines, want, result.ErrorType, host.Output())
	}
	return streaming{first: out.first, wall: wall, cpu: after - before, bytes: out.bytes}, nil
}
