package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
)

// Measurement is what one reading of a tenant cost this process.
type Measurement struct {
	// Users is how many users were written.
	Users int
	// CPU is user and system time, that of the garbage collector included.
	CPU time.Duration
	// Wall is the time on the clock, the request for the token included.
	Wall time.Duration
	// Allocations and Allocated count objects and bytes on the heap.
	Allocations, Allocated uint64
	// PeakRSS is the most memory, in bytes, that the process ever had resident.
	PeakRSS int64
	// Plain and Written are the size of the output in bytes, before and after
	// compression.
	Plain, Written int64
}

// Measure reads a tenant once into gzip of level 1, whose output is counted and
// discarded. Call it once in a process of its own: the peak of the memory is that
// of the process.
func Measure(ctx context.Context, list List, from tenant.Access) (Measurement, error) {
	var plain, written counter
	zip, err := gzip.NewWriterLevel(&written, gzip.BestSpeed)
	if err != nil {
		return Measurement{}, err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, _, err := usage()
	if err != nil {
		return Measurement{}, err
	}
	began := time.Now()
	users, err := list(ctx, from, io.MultiWriter(&plain, zip))
	if err != nil {
		return Measurement{}, err
	}
	if err := zip.Close(); err != nil {
		return Measurement{}, err
	}
	wall := time.Since(began)
	spent, peak, err := usage()
	if err != nil {
		return Measurement{}, err
	}
	runtime.ReadMemStats(&after)
	return Measurement{
		Users: users, CPU: spent - cpu, Wall: wall,
		Allocations: after.Mallocs - before.Mallocs, Allocated: after.TotalAlloc - before.TotalAlloc,
		PeakRSS: peak, Plain: int64(plain), Written: int64(written),
	}, nil
}

// Report measures list on the tenant of the environment and prints the
// measurement as JSON: the whole work of a process that make bench starts.
func Report(ctx context.Context, list List, out io.Writer) error {
	from, err := tenant.FromEnviron()
	if err != nil {
		return err
	}
	m, err := Measure(ctx, list, from)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m)
}

// usage is the processor time that this process has used, and its peak memory.
func usage() (cpu time.Duration, peak int64, err error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0, fmt.Errorf("getrusage: %w", err)
	}
	peak = u.Maxrss
	if runtime.GOOS != "darwin" { // macOS counts bytes, the others KiB
		peak <<= 10
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), peak, nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
