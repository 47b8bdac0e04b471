// Command versitygw runs versitygw over a folder: `versitygw DIR` prints its address on
// loopback and runs until its standard input ends. It is a process of its own
// because versitygw changes the working directory of the process that it is in.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: versitygw DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "versitygw:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if err := (meta.XattrMeta{}).Test(dir); err != nil {
		return fmt.Errorf("%s has no extended attributes, without which versitygw cannot replace an object at once; set TMPDIR to a file system that has them: %w", dir, err)
	}
	backend, err := posix.New(dir, meta.XattrMeta{}, posix.PosixOpts{Concurrency: 1000})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	address, err := free(ctx)
	if err != nil {
		return err
	}
	go func() {
		// The input ends when the process that started this one has ended.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	ended := make(chan error, 1)
	go func() {
		ended <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: versity.User, RootUserSecret: versity.Secret, Region: cloud.Region,
			Ports: []string{address}, HealthPath: "/healthy", Quiet: true, KeepAlive: true,
			MaxConnections: 1000, MaxRequests: 1000, MultipartMaxParts: 10000,
		})
	}()
	if err := answers(ctx, "http://"+address, ended); err != nil {
		return err
	}
	fmt.Println("http://" + address)
	return <-ended
}

// free returns an address of loopback that nobody listens on.
func free(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// answers waits until the gateway answers.
func answers(ctx context.Context, address string, ended <-chan error) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/healthy", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			return answer.Body.Close()
		}
		select {
		case err := <-ended:
			return errors.Join(errors.New("versitygw ended before it answered"), err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
