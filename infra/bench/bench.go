package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// bench has the programs that are measured.
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

func newBench() (*bench, error) {
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
	return b, nil
}

// buildPeers builds the clients that are not part of this program.
func (b *bench) buildPeers(ctx context.Context) error {
	progress("building the peers: msgraph-sdk-go takes some minutes the first time")
	return repository.Plain(ctx, "infra/bench/peers", filepath.Join(b.dir, "peers"))
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// read measures one reading by a contender, in a process of its own.
func (c contender) read(ctx context.Context, t *tenantProcess) (client.Measurement, error) {
	var m client.Measurement
	command := exec.CommandContext(ctx, c.program, c.args...)
	command.Env = t.Environ()
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

func progress(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }
