// Package harness is how a test uses the packages below it, each of which starts
// and drives one real part: everything is found, built or started, or else the
// test fails, and what was started ends with the test.
package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// Start starts something that ends with the test, such as moto.Start or the
// Start of a lambdahost.Config.
func Start[T interface{ Close() }](t testing.TB, start func(context.Context) (T, error)) T {
	t.Helper()
	started, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return started
}

// Main runs the tests of a package once prepare has started what they share, and returns
// the exit status for their TestMain. end ends all that was started, also if something of
// it could not be.
func Main(m *testing.M, prepare func(context.Context) error, end func()) int {
	defer end()
	if err := prepare(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Serve starts `rollcall serve` with the program, environment and further arguments that a
// server names, on a free port of this machine; the address has no path.
func Serve(t testing.TB, server process.Server) *process.Running {
	t.Helper()
	server.Name, server.Args = "rollcall serve", append([]string{"serve", "--addr", "127.0.0.1:0"}, server.Args...)
	server.Address, server.StartLimit = regexp.MustCompile(`Serving (http://127\.0\.0\.1:\d+)/users`), time.Minute
	return Start(t, server.Start)
}

// Path returns the absolute path of a file of the repository.
func Path(t testing.TB, elements ...string) string {
	t.Helper()
	path, err := repository.Path(elements...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Installed returns the absolute path of a file that `make e2e` installs below
// infra/e2e.
func Installed(t testing.TB, elements ...string) string {
	t.Helper()
	path, err := repository.Installed(elements...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Release builds the main package at folder as it is released and returns the
// binary. Further tags may be named, such as otel.
func Release(t testing.TB, folder string, tags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(folder))
	if err := repository.Release(t.Context(), folder, "", binary, tags...); err != nil {
		t.Fatal(err)
	}
	return binary
}

// Plain builds the main package at folder as `go test` does and returns the
// binary.
func Plain(t testing.TB, folder string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(folder))
	if err := repository.Plain(t.Context(), folder, binary); err != nil {
		t.Fatal(err)
	}
	return binary
}
