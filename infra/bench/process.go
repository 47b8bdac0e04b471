package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// bench holds the programs that are measured.
type bench struct {
	dir     string
	clients []contender
}

// contender is one way to read a tenant.
type contender struct {
	name    string
	program string
	args    []string
}

func newBench(ctx context.Context) (*bench, error) {
	dir, err := os.MkdirTemp("", "rollcall-bench-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, clients: []contender{
		{"Rollcall", self, []string{"rollcall"}},
		{"net/http, json.RawMessage", self, []string{"raw"}},
		{"net/http, encoding/json", self, []string{"loop"}},
		{"msgraph-sdk-go PageIterator", filepath.Join(dir, "peers"), nil},
	}}
	progress("building the peers: msgraph-sdk-go takes some minutes the first time")
	if err := build.Plain(ctx, "infra/bench/peers", filepath.Join(dir, "peers")); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// read measures one reading by a contender, in a process of its own.
func (c contender) read(ctx context.Context, t *tenantProcess) (client.Measurement, error) {
	var m client.Measurement
	command := exec.CommandContext(ctx, c.program, c.args...)
	command.Env = append(t.tenant.Environ(), "SSL_CERT_FILE="+t.authority)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return m, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := json.Unmarshal(bytes.TrimSpace(out), &m); err != nil {
		return m, fmt.Errorf("%s: %w", c.name, err)
	}
	if m.Users != t.users {
		return m, fmt.Errorf("%s read %d users of %d", c.name, m.Users, t.users)
	}
	return m, nil
}

// tenantProcess is a simulated tenant in another process.
type tenantProcess struct {
	tenant    client.Tenant
	authority string // file of the certificate that signed its own
	users     int
	process   *exec.Cmd
	stdin     io.Closer
}

// startTenant starts one. It ends with stop, or when this process does.
func (b *bench) startTenant(ctx context.Context, users int, latency time.Duration, bandwidth int) (*tenantProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &tenantProcess{authority: filepath.Join(b.dir, "ca.pem"), users: users}
	t.process = exec.CommandContext(ctx, self, "tenant", "-users", fmt.Sprint(users), "-latency", latency.String(),
		"-bandwidth", fmt.Sprint(bandwidth), "-authority", t.authority)
	t.process.Stderr = os.Stderr
	if t.stdin, err = t.process.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := t.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.process.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("start the simulated tenant: %w", err)
	}
	t.tenant = client.Tenant{
		URL: strings.TrimSpace(address), ID: simulator.DefaultTenant,
		ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret,
	}
	return t, nil
}

func (t *tenantProcess) stop() {
	_ = t.stdin.Close()
	_ = t.process.Wait()
}

func progress(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }
