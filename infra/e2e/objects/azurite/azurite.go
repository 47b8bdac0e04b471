// Package azurite runs Azurite, Microsoft's own emulator of Azure Blob Storage.
// It comes from npm into infra/e2e/js; `make e2e` puts it there.
package azurite

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

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

const (
	// Account is Azurite's own, the same everywhere and published.
	Account = "devstoreaccount1"
	// Key is that account's key.
	Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	// startLimit is generous: a cold start of Node on a busy machine.
	startLimit = 60 * time.Second
)

// Server is one running Azurite, which forgets everything when it ends.
type Server struct {
	// URL is its blob service on loopback, with the account in the path.
	URL string

	process *exec.Cmd
	exited  chan struct{}
}

// Start runs Azurite on a free port of loopback and returns once it listens. The
// caller closes it.
func Start(ctx context.Context) (*Server, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node is not installed (%w): `make e2e` needs it for Azurite", err)
	}
	program, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{exited: make(chan struct{})}
	// The server outlives ctx, which bounds only the start; Close ends it.
	s.process = exec.CommandContext(context.WithoutCancel(ctx), node, program,
		"--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0", "--disableTelemetry", "--skipApiVersionCheck", "--silent")
	s.process.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
	// A group of its own, so that nothing it starts outlives it.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("azurite's stdout: %w", err)
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start azurite: %w", err)
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
	case found := <-address:
		s.URL = found + "/" + Account
		return s, nil
	case <-s.exited:
		err = fmt.Errorf("azurite ended: %s; `%s %s` shows why", s.process.ProcessState, node, program)
	case <-limit.C:
		err = fmt.Errorf("azurite did not listen within %s", startLimit)
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Close()
	return nil, err
}

// watch reads what the server prints to its end, and sends the address it names.
func watch(printed io.Reader, address chan<- string) {
	listens := regexp.MustCompile(`listens on (http://127\.0\.0\.1:\d+)`)
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			select {
			case address <- found[1]:
			default:
			}
		}
	}
}

// find looks for Azurite in the npm packages of the module that the working
// directory belongs to.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "js", "package.json")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no js/package.json above the working directory: run the tests of infra/e2e in its folder")
		}
	}
	program := filepath.Join(dir, "js", "node_modules", "azurite", "dist", "src", "blob", "main.js")
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("azurite is not installed (%w): run `make e2e`, which installs it there", err)
	}
	return program, nil
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
