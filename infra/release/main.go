// Command release builds what is released of the commit that is checked out: a zip file for
// each Lambda function and architecture, that of the function app, the command line
// for the usual systems, a bill of materials (CycloneDX) for each program, and SHA256SUMS.
//
//	go run ./release -out ../dist -sbom ../.tools/bin/cyclonedx-gomod-v1.10.0
//
// Who builds the same commit with the same version of Go gets the same bytes, in whatever
// folder and at whatever time.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/archive"
)

func main() {
	r := release{ctx: context.Background()}
	flag.StringVar(&r.out, "out", "", "the `folder` to make")
	flag.StringVar(&r.sbom, "sbom", "", "the `program` cyclonedx-gomod, none for no bills of materials")
	flag.StringVar(&r.only, "only", "", "build only what has this `text` in its name")
	flag.Parse()
	if err := r.make(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// program is one that is built.
type program struct {
	folder       string // below functions
	goos, goarch string
	zip          string // of the release
	file         string // in it
}

// programs are all that are released.
func programs() (all []program) {
	for _, function := range []string{"users", "snapshot", "changes", "webhook", "rotate"} {
		for _, arch := range []string{"arm64", "amd64"} {
			all = append(all, program{function, "linux", arch, "rollcall-" + function + "-lambda-" + arch + ".zip", "bootstrap"})
		}
	}
	all = append(all, program{"azure", "linux", "amd64", "azure.zip", "handler"})
	for _, system := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"} {
		goos, arch, _ := strings.Cut(system, "/")
		p := program{"rollcall", goos, arch, "rollcall-" + goos + "-" + arch + ".zip", "rollcall"}
		if goos == "windows" {
			p.file += ".exe"
		}
		all = append(all, p)
	}
	return all
}

type release struct {
	ctx             context.Context
	out, sbom, only string
}

// make builds everything into a folder beside the one that is wanted, which appears whole.
func (r *release) make() (err error) {
	if r.out == "" {
		return errors.New("-out names no folder")
	}
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	commit, err := r.committed()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.out), 0o750); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(r.out), ".release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }()
	for _, p := range programs() {
		if strings.Contains(p.zip, r.only) {
			if err := r.build(p, made); err != nil {
				return fmt.Errorf("%s: %w", p.zip, err)
			}
		}
	}
	if now, err := r.committed(); err != nil || now != commit {
		return errors.Join(errors.New("another commit was checked out meanwhile"), err)
	}
	if err := sums(made); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	return os.Rename(made, r.out)
}

// committed returns the commit that is built. Nobody could build anything else again.
func (r *release) committed() (string, error) {
	changed, err := r.run("git", "-C", "..", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", fmt.Errorf("a release is built of a commit: %w", err)
	}
	if changed != "" {
		return "", fmt.Errorf("a release is built of a commit, and these files differ from it:\n%s", changed)
	}
	return r.run("git", "rev-parse", "HEAD")
}

// build builds a program and puts it into its zip file.
func (r *release) build(p program, made string) error {
	work, err := os.MkdirTemp("", "rollcall-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	binary := filepath.Join(work, p.file)
	// As `make build` does it. The build's own stamp of the commit is the version.
	if _, err := r.run("env", "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+p.goos, "GOARCH="+p.goarch,
		"go", "build", "-C", "..", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", binary, "./functions/"+p.folder); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(binary)
	if err == nil && strings.HasPrefix(info.Main.Version+"(", "(") {
		err = errors.New("Go has stamped no version into it: build in a clone, not in a git worktree, which Go does not know")
	}
	if err != nil {
		return err
	}
	target := filepath.Join(made, p.zip)
	if p.folder == "azure" {
		_, err = r.run("go", "run", "./azure/package", filepath.Join("..", "functions", "azure"), binary, target)
	} else {
		err = pack(binary, p.file, target)
	}
	if err != nil {
		return err
	}
	if r.sbom != "" {
		bill := strings.TrimSuffix(target, ".zip") + ".cdx.json"
		if _, err := r.run(r.sbom, "bin", "-json", "-noserial", "-notimestamp", "-version", info.Main.Version, "-output", bill, binary); err != nil {
			return err
		}
	}
	fmt.Println(p.zip)
	return nil
}

// pack makes a zip file of a program and the licence.
func pack(binary, name, target string) error {
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	files := []archive.File{{Name: name, Mode: 0o755, Content: content}}
	if name != "bootstrap" {
		licence, err := os.ReadFile(filepath.Join("..", "LICENSE"))
		if err != nil {
			return err
		}
		files = append(files, archive.File{Name: "LICENSE", Mode: 0o644, Content: licence})
	}
	archive.Sort(files)
	var zipped bytes.Buffer
	if err := archive.Write(&zipped, files); err != nil {
		return err
	}
	return os.WriteFile(target, zipped.Bytes(), 0o600)
}

// sums writes SHA256SUMS as sha256sum does, and lets everybody read what was made.
func sums(made string) error {
	entries, err := os.ReadDir(made)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(made, e.Name()))
		if err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(made, e.Name()), 0o644); err != nil { //nolint:gosec // it is to be published
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), e.Name()))
	}
	if len(lines) == 0 {
		return errors.New("nothing was built")
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	if err := os.WriteFile(filepath.Join(made, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o600); err != nil { //nolint:gosec // of a folder that was just made
		return err
	}
	return os.Chmod(made, 0o755) //nolint:gosec // it is to be published
}

// run runs a program in the module infra, and returns what it prints. The error has what
// it says.
func (r *release) run(name string, args ...string) (string, error) {
	command := exec.CommandContext(r.ctx, name, args...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", name, err, errs.String(), out.String())
	}
	return out.String(), nil
}
