// Package moto runs moto_server, which speaks enough of AWS for a test. It comes
// from PyPI into infra/e2e/.venv; `make e2e` puts it there.
package moto

import (
	"context"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// Secret is the secret key of whoever asks. moto takes any.
const Secret = "e2e/s3cret-key-that-no-log.may.contain"

// startLimit is generous: a cold start of Python on a busy machine.
const startLimit = 60 * time.Second

// Server is one running moto_server.
type Server struct {
	// URL is its address on loopback; AWS_ENDPOINT_URL takes it.
	URL string

	running *process.Running
}

// Start runs moto_server on a free port of loopback and returns once it
// listens. The caller closes it.
func Start(ctx context.Context) (*Server, error) { return StartWith(ctx, nil, "moto_server") }

// StartWith runs another program of moto's environment that becomes a
// moto_server: its name, its arguments, and more variables, NAME=value.
func StartWith(ctx context.Context, env []string, name string, args ...string) (*Server, error) {
	program, err := repository.Installed(".venv", "bin", name)
	if err != nil {
		return nil, err
	}
	running, err := process.Server{
		Name: "moto_server", Program: program, Args: append(args, "-H", "127.0.0.1", "-p", "0"),
		Env:        append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "AWS_DEFAULT_REGION=" + cloud.Region, "PYTHONUNBUFFERED=1"}, env...),
		Address:    regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`),
		StartLimit: startLimit,
	}.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &Server{URL: running.Address, running: running}, nil
}

// Config is an SDK configuration that reaches the server.
func (s *Server) Config() aws.Config { return cloud.Config(s.URL, "e2e", Secret) }

// Environ is the environment of a program that reaches the server.
func (s *Server) Environ() []string {
	return []string{"AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=" + cloud.Region, "AWS_ACCESS_KEY_ID=e2e", "AWS_SECRET_ACCESS_KEY=" + Secret}
}

// Close ends the server and waits for it to be gone.
func (s *Server) Close() { s.running.Close() }
