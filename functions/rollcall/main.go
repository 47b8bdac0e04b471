// Rollcall is the command line: the same jobs as the functions, on a person's own
// machine, and a simulated tenant to try them on.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

func main() {
	// A reader of stdout that goes away is an error of the write, so that
	// everything is put away before the end.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the process at once
	p := &program{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	telemetry.CaptureStandardLog(telemetry.New(os.Stderr, telemetry.Options{Format: "text"}))
	status := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}
