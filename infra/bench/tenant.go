package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// serveTenant serves a simulated tenant until stdin ends, which it does with the
// process that started this one. It prints its address.
func serveTenant(ctx context.Context, args []string) error {
	var config simulator.Config
	flags := flag.NewFlagSet("tenant", flag.ContinueOnError)
	flags.IntVar(&config.Users, "users", 0, "how many users")
	flags.DurationVar(&config.Latency, "latency", 0, "time to the first byte of an answer")
	flags.IntVar(&config.Bandwidth, "bandwidth", 0, "bytes of a body a second, 0 for no limit")
	authority := flags.String("authority", "", "file for the certificate authority")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	server, err := simulator.New(config).Start(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(*authority, server.CAPEM, 0o600); err != nil {
		return err
	}
	if _, err := fmt.Println(server.URL); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return server.Wait()
}

// tenantProcess is a simulated tenant in another process. It ends with Close, or
// when this process does.
type tenantProcess struct {
	tenant.Access
	*process.Running
	users int
}

// startTenant starts one.
func (b *bench) startTenant(ctx context.Context, users int, latency time.Duration, bandwidth int) (*tenantProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	authority := filepath.Join(b.dir, "ca.pem")
	running, err := process.Server{
		Name: "the simulated tenant", Program: self,
		Args: []string{
			"tenant", "-users", fmt.Sprint(users), "-latency", latency.String(), "-bandwidth", fmt.Sprint(bandwidth), "-authority", authority,
		},
		Address: regexp.MustCompile(`^(https://\S+)`), StartLimit: time.Minute,
	}.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &tenantProcess{Running: running, users: users, Access: tenant.Access{
		URL: running.Address, TenantID: simulator.DefaultTenant, ClientID: simulator.DefaultClientID,
		ClientSecret: simulator.DefaultClientSecret, Authorities: authority,
	}}, nil
}
