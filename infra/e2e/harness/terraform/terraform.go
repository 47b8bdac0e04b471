// Package terraform runs Terraform, or OpenTofu, on a copy of infra/entra.
package terraform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// Configuration is a copy of infra/entra, beside which is a copy of template.yaml.
type Configuration struct {
	// Dir is where Terraform runs.
	Dir string
	// Environ is what is added to the test's own environment.
	Environ []string

	program string
}

// Copy copies the configuration into a folder. ok is false if there is neither program.
func Copy(folder string) (c *Configuration, ok bool, err error) {
	c = &Configuration{Dir: filepath.Join(folder, "infra", "entra"), Environ: []string{"TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}}
	for _, name := range []string{"terraform", "tofu"} {
		if c.program, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if c.program == "" {
		return nil, false, nil
	}
	root, err := repository.Path()
	if err != nil {
		return nil, true, err
	}
	// A test of it reads the template, where it is in the repository.
	return c, true, errors.Join(
		os.CopyFS(c.Dir, os.DirFS(filepath.Join(root, "infra", "entra"))),
		os.Symlink(filepath.Join(root, "template.yaml"), filepath.Join(folder, "template.yaml")))
}

// Stand lets the program of harness/azuread, built into folder, stand for the provider.
func (c *Configuration) Stand(ctx context.Context, folder string) error {
	if err := repository.Plain(ctx, filepath.Join("infra", "e2e", "harness", "azuread"), filepath.Join(folder, "terraform-provider-azuread")); err != nil {
		return err
	}
	settings := filepath.Join(folder, "settings.tfrc")
	c.Environ = append(c.Environ, "TF_CLI_CONFIG_FILE="+settings)
	return os.WriteFile(settings, fmt.Appendf(nil, "provider_installation {\n  dev_overrides {\n    \"hashicorp/azuread\" = %q\n  }\n}\n", folder), 0o600)
}

// Run runs a command of Terraform and returns its standard output. The error has what it
// wrote to standard error.
func (c *Configuration) Run(ctx context.Context, args ...string) (string, error) {
	command := process.NewCommand(ctx, c.program, args...)
	command.Dir, command.Env = c.Dir, append(os.Environ(), c.Environ...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("terraform %s: %w\n%s", args[0], err, errs.String())
	}
	return out.String(), nil
}
