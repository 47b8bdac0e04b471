// Package versity runs versitygw: of the servers that speak S3 and need no
// account, it is the one that is right about conditional writes, checksums and
// signatures. It is a Go module of infra/e2e, built and kept by `go run`.
package versity

import (
	"context"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// The one account of the gateway, and its region.
const (
	User   = "e2e-user"
	Secret = "e2e-secret"
	Region = "eu-west-1"
)

// startLimit is generous: the first start on a machine builds 84 MB of program.
const startLimit = 10 * time.Minute

// Server is one running gateway.
type Server struct {
	// URL is its address on loopback; AWS_ENDPOINT_URL takes it.
	URL string

	running *process.Running
}

// Start runs a gateway on a free port of loopback, with its buckets as folders of
// dir, and returns once it answers. The caller closes it; it ends with the caller's
// process too, when its standard input does.
func Start(ctx context.Context, dir string) (*Server, error) {
	module, err := process.Module()
	if err != nil {
		return nil, err
	}
	running, err := process.Server{
		Name: "versitygw", Program: "go", Args: []string{"run", "./e2e/harness/versity/gateway", dir}, Dir: module,
		Address:    regexp.MustCompile(`^(http://127\.0\.0\.1:\d+)`),
		StartLimit: startLimit,
	}.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &Server{URL: running.Address, running: running}, nil
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
func (s *Server) Close() { s.running.Close() }
