// Package harness is how a test uses the packages below it, each of which starts
// and drives one real part: everything is found, built or started, or else the
// test fails, and what was started ends with the test.
package harness

import (
	"context"
	"path/filepath"
	"testing"

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
// binary.
func Release(t testing.TB, folder string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(folder))
	if err := repository.Release(t.Context(), folder, "", binary); err != nil {
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
