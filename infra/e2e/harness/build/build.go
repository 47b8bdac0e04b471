// Package build builds this repository's commands as they are released.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Release builds the main package of this repository at folder, such as
// functions/users or infra/bench/hello, into the file binary, with the flags of
// `make build`. goarch "" builds for this machine; any other builds for Lambda's
// Linux on that architecture.
func Release(ctx context.Context, folder, goarch, binary string) error {
	goos := "linux"
	if goarch == "" {
		goos, goarch = runtime.GOOS, runtime.GOARCH
	}
	return run(ctx, folder, []string{"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch},
		"-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", binary, ".")
}

// Plain builds the main package at folder for this machine as `go test` builds
// it, so that what the tests have compiled is not compiled again.
func Plain(ctx context.Context, folder, binary string) error {
	return run(ctx, folder, nil, "-o", binary, ".")
}

func run(ctx context.Context, folder string, env []string, args ...string) error {
	root, err := repository()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
	command.Dir = filepath.Join(root, folder)
	command.Env = append(os.Environ(), env...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", folder, err, out)
	}
	return nil
}

// repository finds the folder of the repository that the working directory is in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "functions", "users")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no functions/users above the working directory: work inside the repository")
		}
	}
}
