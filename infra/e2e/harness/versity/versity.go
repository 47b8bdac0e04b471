// Package versity runs versitygw: of the servers that speak S3 and need no
// account, it is the one that is right about conditional writes, checksums and
// signatures. It is a dependency of the module infra, built and kept by `go run`.
package versity

import (
	"context"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// User and Secret are the one account of the gateway.
const (
	User   = "e2e-user"
	Secret = "e2e-secret-that-no-log.may.contain"
)

// startLimit is generous: the first start on a machine builds 84 MB of program.
const startLimit = 10 * time.Minute

// Server is one running gateway.
type Server struct {
	// URL is its address on loopback; AWS_ENDPOINT_URL takes it.
	URL string

	running *process.Running
}

// Config says where the gateway keeps its objects.
type Config struct {
	// Dir has a folder for each bucket.
	Dir string
}

// Start runs a gateway on a free port of loopback and returns once it answers. The
// caller closes it; it ends with the caller's process too, when its standard input
// does.
func (cfg Config) Start(ctx context.Context) (*Server, error) {
	module, err := repository.Path("infra")
	if err != nil {
		return nil, err
	}
	running, err := process.Server{
		Name: "versitygw", Program: "go", Args: []string{"run", "./e2e/harness/versity/versitygw", cfg.Dir}, Dir: module,
		Address:    regexp.MustCompile(`^(http://127\.0\.0\.1:\d+)`),
		StartLimit: startLimit,
	}.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &Server{URL: running.Address, running: running}, nil
}

// Config is an SDK configuration that reaches the gateway.
func (s *Server) Config() aws.Config { return cloud.Config(s.URL, User, Secret) }

// Environ is the environment of a program that reaches the gateway at url, its
// own address or a proxy's, for S3 alone.
func Environ(url string) []string {
	return []string{
		"AWS_ENDPOINT_URL_S3=" + url, "AWS_ACCESS_KEY_ID=" + User, "AWS_SECRET_ACCESS_KEY=" + Secret, "AWS_SESSION_TOKEN=",
	}
}

// Close ends the gateway and waits for it to be gone.
func (s *Server) Close() { s.running.Close() }
