// Rollcall is the command line: the same jobs as the cloud functions on a
// person's own machine, and a simulated tenant to try them with.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

func main() {
	// A closed stdout is a write error instead, so that temporary files are
	// removed before the process exits.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills the process at once
	p := &program{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	log := telemetry.New(os.Stderr, telemetry.Options{Format: "text"})
	telemetry.CaptureStandardLog(log)
	telemetry.StartTraces(log)
	status := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}
