package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

type simulateCommand struct {
	Addr     string        `default:"127.0.0.1:8443" placeholder:"HOST:PORT" help:"Address to serve on, loopback only; port 0 takes a free one (${default})."`
	Users    int           `default:"1000" placeholder:"N" help:"How many users the tenant has, up to 10 million (${default})."`
	Seed     uint64        `default:"0" placeholder:"N" help:"Which people they are; the same number gives the same people."`
	Latency  time.Duration `default:"0s" placeholder:"D" help:"Wait before each response of Graph, such as 200ms."`
	Fault    []string      `sep:"none" placeholder:"NAME[:PAGE]" help:"Something that goes wrong, on one page or each; repeatable. See below."`
	Throttle bool          `help:"Meter requests and answer 429 as Graph does."`
	Churn    int           `default:"0" placeholder:"N" help:"How many users are created, deleted or moved a minute."`
	For      time.Duration `default:"0s" placeholder:"D" help:"Stop after this time. Default: when it is interrupted."`
	Dir      string        `placeholder:"DIR" help:"Folder for the two files that other terminals need. Default: rollcall in the user's cache folder."`
}

// Help is the rest of `rollcall simulate --help`.
func (simulateCommand) Help() string {
	return `Serves a simulated Entra ID tenant over TLS: token service, Graph's users and count, throttling,
and whatever misbehaviour is asked for. Nobody in it exists.

It writes the certificate authority and an environment file, and prints the line that points
another terminal at it:

  terminal 1   rollcall simulate --users 1000000
  terminal 2   . ~/.cache/rollcall/simulate-8443.env
               rollcall list --format ndjson | wc -l

Both files are removed at the end.

Faults are written name[@kind][:page][xN]: 503:3x2 makes page 3 unavailable twice, 429-seconds@count
throttles the count, early-end:2 ends the list in silence behind page 2. The names:

` + faultList()
}

// faultList is a line for each fault, with what it does.
func faultList() string {
	var b strings.Builder
	for _, fault := range simulator.FaultNames() {
		fmt.Fprintf(&b, "  %-21s  %s\n", fault.Name, fault.Summary)
	}
	return b.String()
}

// Run serves until ctx or the time given ends.
func (c *simulateCommand) Run(ctx context.Context, p *program, all *commands) error {
	if err := loopback(c.Addr); err != nil {
		return err
	}
	config, err := c.tenant()
	if err != nil {
		return err
	}
	stderr := &screen{w: p.stderr}
	if all.Verbose {
		config.Log = stderr.logger(true)
	}
	tenant := simulator.New(config)
	server, err := tenant.StartOn(ctx, c.Addr)
	if err != nil {
		return fmt.Errorf("%w; is another one running? --addr chooses the port", err)
	}
	defer func() { _ = server.Close() }()
	files, err := writeEnvironment(c.Dir, server, tenant.Config())
	if err != nil {
		return err
	}
	defer files.remove()
	if _, err := io.WriteString(p.stderr, files.directions(server, tenant)); err != nil {
		return &writeError{where: "stderr", err: err}
	}
	if c.For > 0 {
		defer time.AfterFunc(c.For, func() { _ = server.Close() }).Stop()
	}
	if err := server.Wait(); err != nil {
		return fmt.Errorf("serve the simulated tenant: %w", err)
	}
	return nil // a signal is how it is meant to end
}

func (c *simulateCommand) tenant() (simulator.Config, error) {
	switch {
	case c.Users < 0 || c.Users > simulator.MaxUsers:
		return simulator.Config{}, &usageError{fmt.Sprintf("--users: the simulated tenant has 0 to %d users", simulator.MaxUsers)}
	case c.Latency < 0 || c.For < 0 || c.Churn < 0:
		return simulator.Config{}, &usageError{"--latency, --for and --churn are not negative"}
	}
	faults, err := parseFaults(c.Fault)
	if err != nil {
		return simulator.Config{}, err
	}
	return simulator.Config{
		Users: c.Users, Seed: c.Seed, Latency: c.Latency, Faults: faults, Throttle: c.Throttle, Churn: c.Churn,
	}, nil
}

// loopback refuses every address but those of this machine: what the simulated
// tenant takes for a credential is no secret.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return &usageError{fmt.Sprintf("--addr %s is not HOST:PORT, such as 127.0.0.1:8443", addr)}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return &usageError{fmt.Sprintf("--addr %s is not a loopback address; the simulated tenant is for this machine only, use 127.0.0.1, [::1] or localhost", addr)}
	}
	return nil
}
