// Package process runs servers that other people wrote, each a process of its own
// that ends with the test: moto, Azurite, versitygw.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server says what to run.
type Server struct {
	// Name is what errors call it.
	Name string
	// Program is its path, Args what follows, Dir where it runs ("" for here), Env
	// its whole environment, nil for the test's own.
	Program string
	Args    []string
	Dir     string
	Env     []string
	// Address is found in what it prints once it listens: the first group.
	Address *regexp.Regexp
	// StartLimit is how long that may take.
	StartLimit time.Duration
}

// Running is a server at work.
type Running struct {
	// Address is what it printed.
	Address string

	process *exec.Cmd
	input   io.Closer
	exited  chan struct{}
	printed tail
}

// endLimit is how long a server may take to end by itself.
const endLimit = 10 * time.Second

// Start runs the server and returns once it has told its address. The caller
// closes it.
func (s Server) Start(ctx context.Context) (*Running, error) {
	r := &Running{exited: make(chan struct{})}
	// The server outlives ctx, which bounds only the start; Close ends it.
	r.process = exec.CommandContext(context.WithoutCancel(ctx), s.Program, s.Args...)
	r.process.Dir, r.process.Env = s.Dir, s.Env
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
	return nil, fmt.Errorf("%w\n%s", err, r.printed.String())
}

// watch reads what the server prints to its end, and sends the address it names.
func (r *Running) watch(printed io.Reader, pattern *regexp.Regexp, address chan<- string) {
	lines := bufio.NewReader(printed)
	for {
		line, err := lines.ReadString('\n')
		r.printed.add(line)
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

// tail keeps the last lines that a server printed.
type tail struct {
	mu    sync.Mutex
	lines []string
}

const tailLines = 40

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines = append(t.lines, line); len(t.lines) > tailLines {
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "")
}

// Module returns the folder of the module that the working directory is in.
func Module() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory: run the tests of infra/e2e in its folder")
		}
	}
}

// Installed returns the path of a program that `make e2e` puts below infra/e2e.
func Installed(path ...string) (string, error) {
	dir, err := Module()
	if err != nil {
		return "", err
	}
	program := filepath.Join(append([]string{dir, "e2e"}, path...)...)
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("%s is not installed (%w): run `make e2e`, which installs it there", path[len(path)-1], err)
	}
	return program, nil
}
