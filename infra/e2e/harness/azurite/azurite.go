// Package azurite runs Azurite, Microsoft's own emulator of Azure Storage.
// It comes from npm into infra/e2e/node_modules; `make e2e` puts it there.
package azurite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

const (
	// Account is Azurite's own, the same everywhere and published.
	Account = "devstoreaccount1"
	// Key is that account's key.
	Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	// startLimit is generous: a cold start of Node on a busy machine.
	startLimit = 60 * time.Second
)

// Server is one running Azurite with its blob service, which forgets everything when it ends.
type Server struct {
	// URL is its blob service on loopback, with the account in the path.
	URL string

	running *process.Running
}

// Start runs Azurite's blob service on a free port of loopback and returns once it
// listens. The caller closes it.
func Start(ctx context.Context) (*Server, error) {
	running, err := start(ctx, "blob", "--blobHost", "127.0.0.1", "--blobPort", "0")
	if err != nil {
		return nil, err
	}
	return &Server{URL: running.Address + "/" + Account, running: running}, nil
}

// start runs one of Azurite's services.
func start(ctx context.Context, service string, args ...string) (*process.Running, error) {
	leak.Name("key of a storage account", Key)
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node is not installed (%w): `make e2e` needs it for Azurite", err)
	}
	program, err := repository.Installed("node_modules", "azurite", "dist", "src", service, "main.js")
	if err != nil {
		return nil, err
	}
	return process.Server{
		Name: "azurite", Program: node,
		Args:       append([]string{program, "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"}, args...),
		Env:        []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "AZURITE_ACCOUNTS=" + accounts()},
		Address:    regexp.MustCompile(`listens on (https?://127\.0\.0\.1:\d+)`),
		StartLimit: startLimit,
	}.Start(ctx)
}

// ConnectionString is Azure's way to say where the account is and who asks.
func (s *Server) ConnectionString() string {
	return "DefaultEndpointsProtocol=http;AccountName=" + Account + ";AccountKey=" + Key + ";BlobEndpoint=" + s.URL + ";"
}

// CreateContainer makes a container of the account.
func (s *Server) CreateContainer(ctx context.Context, name string) error {
	key, err := container.NewSharedKeyCredential(Account, Key)
	if err != nil {
		return err
	}
	client, err := container.NewClientWithSharedKeyCredential(s.URL+"/"+name, key, nil)
	if err != nil {
		return err
	}
	if _, err := client.Create(ctx, nil); err != nil {
		return fmt.Errorf("create the container %s: %w", name, err)
	}
	return nil
}

// Close ends the server and waits for it to be gone.
func (s *Server) Close() { s.running.Close() }
