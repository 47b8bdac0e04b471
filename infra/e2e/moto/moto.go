// Package moto runs moto_server, which speaks enough of AWS for a test: here,
// Secrets Manager. It comes from PyPI into infra/e2e/.venv; `make e2e` puts it
// there.
package moto

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
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// startLimit is generous: a cold start of Python on a busy machine.
const startLimit = 60 * time.Second

// Server is one running moto_server.
type Server struct {
	// URL is its address on loopback; AWS_ENDPOINT_URL takes it.
	URL string

	process *exec.Cmd
	exited  chan struct{}
}

// Start runs moto_server on a free port of loopback and returns once it
// listens. The caller closes it.
func Start(ctx context.Context) (*Server, error) { return StartWith(ctx, nil, "moto_server") }

// StartWith runs another program of moto's environment, which ends up as a
// moto_server: its name, its arguments, and more variables, NAME=value.
func StartWith(ctx context.Context, env []string, name string, args ...string) (*Server, error) {
	program, err := find(name)
	if err != nil {
		return nil, err
	}
	s := &Server{exited: make(chan struct{})}
	// The server outlives ctx, which bounds only the start; Close ends it.
	s.process = exec.CommandContext(context.WithoutCancel(ctx), program, append(args, "-H", "127.0.0.1", "-p", "0")...)
	s.process.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "AWS_DEFAULT_REGION=eu-west-1", "PYTHONUNBUFFERED=1"}, env...)
	// A group of its own, so that nothing it starts outlives it.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := s.process.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("moto_server's stderr: %w", err)
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start moto_server: %w", err)
	}
	address := make(chan string, 1)
	go func() {
		watch(stderr, address)
		_ = s.process.Wait()
		close(s.exited)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case s.URL = <-address:
		return s, nil
	case <-s.exited:
		err = fmt.Errorf("moto_server ended: %s; `%s -H 127.0.0.1 -p 0` shows why", s.process.ProcessState, program)
	case <-limit.C:
		err = fmt.Errorf("moto_server did not listen within %s", startLimit)
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Close()
	return nil, err
}

// watch reads the server's log to its end, and sends the address it names.
func watch(log io.Reader, address chan<- string) {
	listens := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			select {
			case address <- found[1]:
			default:
			}
		}
	}
}

// find looks for a program in the virtual environment of the module that the
// working directory belongs to.
func find(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory: run the tests of infra/e2e in its folder")
		}
	}
	program := filepath.Join(dir, ".venv", "bin", name)
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("moto is not installed (%w): run `make e2e`, which installs it there", err)
	}
	return program, nil
}

// Config is an SDK configuration that reaches the server.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("e2e", "e2e", ""),
	}
}

// Close ends the server and waits for it to be gone.
func (s *Server) Close() {
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.exited:
		return
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	<-s.exited
}
