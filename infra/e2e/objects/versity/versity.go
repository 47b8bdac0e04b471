// Package versity runs versitygw: of the servers that speak S3 and need no
// account, it is the one that is right about conditional writes, checksums and
// signatures. It is a Go module of infra/e2e, built and kept by `go run`.
package versity

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The one account of the gateway, and its region.
const (
	User   = "e2e-user"
	Secret = "e2e-secret"
	Region = "eu-west-1"
)

const (
	// startLimit is generous: the first start on a machine builds 84 MB of program.
	startLimit = 10 * time.Minute
	endLimit   = 10 * time.Second
)

// Server is one running gateway.
type Server struct {
	// URL is its address on loopback; AWS_ENDPOINT_URL takes it.
	URL string

	process *exec.Cmd
	input   io.Closer
	exited  chan struct{}
}

// Start runs a gateway on a free port of loopback, with its buckets as folders of
// dir, and returns once it answers. The caller closes it; it ends with the caller's
// process too.
func Start(ctx context.Context, dir string) (*Server, error) {
	root, err := module()
	if err != nil {
		return nil, err
	}
	s := &Server{exited: make(chan struct{})}
	// The server outlives ctx, which bounds only the start; Close ends it.
	s.process = exec.CommandContext(context.WithoutCancel(ctx), "go", "run", "./objects/versity/gateway", dir)
	s.process.Dir = root
	// A group of its own: the program is a child of `go run`.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr strings.Builder
	s.process.Stderr = &stderr
	if s.input, err = s.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("versitygw's input: %w", err)
	}
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("versitygw's output: %w", err)
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start versitygw: %w", err)
	}
	address := make(chan string, 1)
	go func() {
		watch(stdout, address)
		_ = s.process.Wait()
		close(s.exited)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case s.URL = <-address:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("versitygw ended: %s\n%s", s.process.ProcessState, stderr.String())
	case <-limit.C:
		err = fmt.Errorf("versitygw did not answer within %s", startLimit)
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Close()
	return nil, err
}

// watch reads what the gateway prints to its end, and sends the address it names.
func watch(printed io.Reader, address chan<- string) {
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		if found := lines.Text(); strings.HasPrefix(found, "http://127.0.0.1:") {
			select {
			case address <- found:
			default:
			}
		}
	}
}

// module returns the folder of infra/e2e, which the working directory is in.
func module() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "objects", "versity")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no objects/versity above the working directory: run the tests of infra/e2e in its folder")
		}
	}
}

// Config is an SDK configuration that reaches the gateway.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(User, Secret, ""),
	}
}

// Close ends the gateway and waits for it to be gone.
func (s *Server) Close() {
	_ = s.input.Close()
	select {
	case <-s.exited:
		return
	case <-time.After(endLimit):
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	<-s.exited
}
