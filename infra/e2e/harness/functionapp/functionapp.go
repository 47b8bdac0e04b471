// Package functionapp builds the function app of this repository as `make package-azure`
// does, and unpacks it as the platform does.
package functionapp

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// Handler is the name of the handler in the app's folder.
const Handler = "handler"

// Build builds the app and unpacks it into a folder that does not exist yet. Where this
// machine is none of the platform's kind, the handler is replaced by one for this machine.
func Build(ctx context.Context, folder string) error {
	dir, err := os.MkdirTemp("", "rollcall-app-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	handler, target := filepath.Join(dir, Handler), filepath.Join(dir, "azure.zip")
	if err := repository.Release(ctx, "functions/azure", "amd64", handler); err != nil {
		return err
	}
	if err := pack(ctx, handler, target); err != nil {
		return err
	}
	if err := unpack(target, folder); err != nil {
		return fmt.Errorf("unpack the function app: %w", err)
	}
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return nil
	}
	return repository.Release(ctx, "functions/azure", "", filepath.Join(folder, Handler))
}

func pack(ctx context.Context, handler, target string) error {
	infra, err := repository.Path("infra")
	if err != nil {
		return err
	}
	functions, err := repository.Path("functions", "azure")
	if err != nil {
		return err
	}
	command := process.NewCommand(ctx, "go", "run", "./azure/package", functions, handler, target)
	command.Dir = infra
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("pack the function app: %w\n%s", err, out)
	}
	return nil
}

func unpack(target, folder string) error {
	z, err := zip.OpenReader(target)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range z.File {
		errs = append(errs, unpackFile(f, filepath.Join(folder, filepath.FromSlash(f.Name))))
	}
	return errors.Join(append(errs, z.Close())...)
}

func unpackFile(f *zip.File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.Mode())
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.CopyN(out, in, f.FileInfo().Size())
	return errors.Join(err, in.Close(), out.Close())
}
