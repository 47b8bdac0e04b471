package main

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// TestTwoBuildsInDifferentFoldersAreTheSameBytes builds a part of a release in two clones. The
// parts are one of each kind of zip file.
func TestTwoBuildsInDifferentFoldersAreTheSameBytes(t *testing.T) {
	root, err := repository.Path()
	if err != nil {
		t.Fatal(err)
	}
	var releases []string
	for _, folder := range []string{"one", filepath.Join("another", "and", "deeper")} {
		clone := filepath.Join(t.TempDir(), folder)
		run(t, root, "git", "clone", "--quiet", "--shared", root, clone)
		out := filepath.Join(t.TempDir(), "dist")
		releases = append(releases, out)
		for _, only := range []string{"webhook-lambda-arm64", "azure", "rollcall-windows-amd64"} {
			run(t, filepath.Join(clone, "infra"), "go", "run", "./release", "-only", only, "-out", filepath.Join(out, only))
		}
	}
	zips := 0
	err = filepath.Walk(releases[0], func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		below, err := filepath.Rel(releases[0], path)
		if err != nil {
			return err
		}
		one, two := sum(t, path), sum(t, filepath.Join(releases[1], below))
		if one != two {
			t.Errorf("%s is %s in one folder and %s in another", below, one, two)
		}
		if filepath.Ext(path) == ".zip" {
			zips++
			checkZip(t, path)
		}
		return nil
	})
	if err != nil || zips != 3 {
		t.Errorf("%d zip files were compared, %v", zips, err)
	}
	run(t, filepath.Join(releases[0], "azure"), "sha256sum", "--check", "--quiet", "SHA256SUMS")
}

// checkZip makes sure that a zip file has a program that can be started.
func checkZip(t *testing.T, path string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	programs := 0
	for _, f := range z.File {
		if f.Mode() == 0o755 {
			programs++
		}
	}
	if programs != 1 {
		t.Errorf("%s has %d programs", path, programs)
	}
}

func TestWhatIsNotCommittedIsNotReleased(t *testing.T) {
	root, err := repository.Path()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, root, "git", "clone", "--quiet", "--shared", root, clone)
	if err := os.WriteFile(filepath.Join(clone, "LICENSE"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "run", "./release", "-only", "azure", "-out", filepath.Join(t.TempDir(), "dist"))
	command.Dir = filepath.Join(clone, "infra")
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "LICENSE") {
		t.Errorf("%v: %s", err, out)
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func sum(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}
