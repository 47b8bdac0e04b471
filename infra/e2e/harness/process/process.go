// Package process runs programs that listen, each in a process of its own that
// ends with the test: moto, Azurite, versitygw, and the command line's servers.
package process

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server says what to run.
type Server struct {
	// Name is what errors call it.
	Name string
	// Program is its path, Args its arguments, Dir its working directory ("" for
	// the test's own), and Env its whole environment (nil for the test's own).
	Program string
	Args    []string
	Dir     string
	Env     []string
	// Address matches the line that it prints once it listens; the first group
	// is the address.
	Address *regexp.Regexp
	// PrintsSecrets is [Command.PrintsSecrets].
	PrintsSecrets bool
	// StartLimit is how long that may take.
	StartLimit time.Duration
}

// Running is a server that listens.
type Running struct {
	// Address is the one it printed.
	Address string

	process *Command
	input   io.Closer
	exited  chan struct{}
	output  Output
}

// endLimit is how long a server may take to end by itself.
const endLimit = 10 * time.Second

// Start runs the server and returns once it has printed its address. The caller
// closes it.
func (s Server) Start(ctx context.Context) (*Running, error) {
	r := &Running{exited: make(chan struct{})}
	// The server outlives ctx, which bounds only the start; Close ends it.
	r.process = NewCommand(context.WithoutCancel(ctx), s.Program, s.Args...)
	r.process.Dir, r.process.Env, r.process.PrintsSecrets = s.Dir, s.Env, s.PrintsSecrets
	// A group of its own, so that nothing it starts outlives it.
	r.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if r.input, err = r.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	read, write := io.Pipe()
	r.process.Stdout, r.process.Stderr = write, write
	r.process.WaitDelay = time.Second
	if err := r.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	address := make(chan string, 1)
	go r.watch(read, s.Address, address)
	go func() {
		_ = r.process.Wait()
		_ = write.Close()
		close(r.exited)
	}()
	limit := time.NewTimer(s.StartLimit)
	defer limit.Stop()
	select {
	case r.Address = <-address:
		return r, nil
	case <-r.exited:
		err = fmt.Errorf("%s ended: %s", s.Name, r.process.ProcessState)
	case <-limit.C:
		err = fmt.Errorf("%s did not listen within %s", s.Name, s.StartLimit)
	case <-ctx.Done():
		err = ctx.Err()
	}
	r.Close()
	return nil, fmt.Errorf("%w\n%s", err, r.Output())
}

// watch reads what the server prints to its end and sends the address in it.
func (r *Running) watch(printed io.Reader, pattern *regexp.Regexp, address chan<- string) {
	lines := bufio.NewReader(printed)
	for {
		line, err := lines.ReadString('\n')
		_, _ = r.output.Write([]byte(line))
		if found := pattern.FindStringSubmatch(line); found != nil {
			select {
			case address <- found[1]:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// Output is what the server has printed so far.
func (r *Running) Output() string { return r.output.String() }

// Close ends the server and waits for it to be gone.
func (r *Running) Close() {
	_ = r.input.Close()
	_ = syscall.Kill(-r.process.Process.Pid, syscall.SIGTERM)
	select {
	case <-r.exited:
		return
	case <-time.After(endLimit):
	}
	_ = syscall.Kill(-r.process.Process.Pid, syscall.SIGKILL)
	<-r.exited
}

// Output keeps what a process writes. It may be read while the process runs.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the output.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// CleanEnviron is the test's own environment without the variables that
// configure Rollcall, Azure or AWS, and without those of further prefixes.
func CleanEnviron(prefixes ...string) []string {
	prefixes = append(prefixes, "ROLLCALL_", "AZURE_", "AWS_")
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
	})
}
