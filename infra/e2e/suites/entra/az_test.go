package entra_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/registrations"
)

// signedIn is a tenant, and the environment of an Azure command line that is signed in to it.
type signedIn struct {
	*registrations.Tenant

	environ []string
	// shown is all that setup.sh has written to standard error.
	shown bytes.Buffer
}

// signIn signs in to a new tenant of the cloud, by az's name of it.
func signIn(t *testing.T, cloud string) *signedIn {
	t.Helper()
	s := &signedIn{Tenant: harness.Start(t, registrations.Start)}
	folder := t.TempDir()
	hosts, err := s.Certificate(folder)
	if err != nil {
		t.Fatal(err)
	}
	// Waiting is for tenants that are slow; this one knows how often it was asked.
	if err := os.WriteFile(filepath.Join(folder, "sleep"), []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // It is run.
		t.Fatal(err)
	}
	az := harness.Installed(t, "suites", "entra", ".venv", "bin", "az")
	s.environ = append(os.Environ(),
		"PATH="+folder+":"+filepath.Dir(az)+":"+os.Getenv("PATH"), "HOME="+folder, "REQUESTS_CA_BUNDLE="+hosts,
		"AZURE_CONFIG_DIR="+filepath.Join(folder, "azure"), "AZURE_EXTENSION_DIR="+filepath.Join(folder, "extensions"),
		"AZURE_CORE_COLLECT_TELEMETRY=false", "AZURE_CORE_INSTANCE_DISCOVERY=false")
	for _, args := range [][]string{
		{"cloud", "set", "--name", cloud},
		{
			"cloud", "update", "--name", cloud, "--endpoint-active-directory", s.URL(), "--endpoint-microsoft-graph-resource-id", s.URL() + "/",
			"--endpoint-resource-manager", s.URL() + "/", "--endpoint-active-directory-resource-id", s.URL() + "/", "--endpoint-management", s.URL() + "/", "--skip-endpoint-discovery",
		},
		{
			"login", "--service-principal", "--username", registrations.Deployer(), "--password", registrations.Password,
			"--tenant", registrations.TenantID, "--allow-no-subscriptions",
		},
	} {
		if out, err := s.run(t, "az", args...); err != nil {
			t.Fatalf("az %s: %v\n%s", args[0], err, out)
		}
	}
	return s
}

// run runs a program in that environment and returns its standard output.
func (s *signedIn) run(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// LookPath looks in the test's own PATH, env in the one that it is given.
	command := process.NewCommand(ctx, "env", append([]string{program}, args...)...)
	command.Env = s.environ
	command.PrintsSecrets = true // which the script's caller keeps
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	s.shown.Write(errs.Bytes())
	if err != nil {
		err = errors.Join(err, errors.New(errs.String()))
	}
	return out.String(), err
}
