// Package repository finds and builds what this repository has.
package repository

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// Path returns the absolute path of a file of the repository that the working
// directory is in.
func Path(elements ...string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "template.yaml")); err == nil {
			return filepath.Join(append([]string{dir}, elements...)...), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no template.yaml above the working directory: work inside the repository")
		}
	}
}

// Installed returns the absolute path of a file that `make e2e` installs below
// infra/e2e.
func Installed(elements ...string) (string, error) {
	path, err := Path(append([]string{"infra", "e2e"}, elements...)...)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("not installed: %w: run `make e2e`, or the target of the suite, which installs it there", err)
	}
	return path, nil
}

// Release builds the main package at folder, such as functions/users or
// infra/bench/hello, into the file binary, with the flags of `make build`.
// goarch "" builds for this machine; any other builds for Lambda's Linux on that
// architecture.
// Further tags may be named, such as otel.
func Release(ctx context.Context, folder, goarch, binary string, tags ...string) error {
	goos := "linux"
	if goarch == "" {
		goos, goarch = runtime.GOOS, runtime.GOARCH
	}
	return build(ctx, folder, []string{"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch},
		"-trimpath", "-ldflags", "-s -w", "-tags", strings.Join(append([]string{"lambda.norpc"}, tags...), ","), "-o", binary, ".")
}

// Plain builds the main package at folder for this machine as `go test` builds
// it, so that what the tests have compiled is not compiled again.
func Plain(ctx context.Context, folder, binary string) error {
	return build(ctx, folder, nil, "-o", binary, ".")
}

func build(ctx context.Context, folder string, env []string, args ...string) error {
	dir, err := Path(folder)
	if err != nil {
		return err
	}
	command := process.NewCommand(ctx, "go", append([]string{"build"}, args...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", folder, err, out)
	}
	return nil
}
