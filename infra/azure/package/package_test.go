package main

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/archive"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

const (
	host     = `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}`
	function = `{"bindings":[{"type":"timerTrigger","direction":"in","name":"timer"},{"type":"queue","direction":"out","name":"jobs"}]}`
)

// app makes a folder of functions.
func app(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func plain() map[string]string {
	return map[string]string{
		"host.json": host, "snapshot/function.json": function, "changes/function.json": function,
		"main.go": "package main\n\nfunc main() {}\n", "testdata/x.json": "{}",
	}
}

// build builds a program, and returns where it is.
func build(t *testing.T, folder string, environ ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "handler")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", program, filepath.Join(folder, "main.go"))
	command.Env = append(os.Environ(), environ...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// packed makes a zip file and reads it.
func packed(t *testing.T, folder, handler string) []byte {
	t.Helper()
	target := filepath.Join(t.TempDir(), "azure.zip")
	if err := pack(folder, handler, target); err != nil {
		t.Fatal(err)
	}
	zipped, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	return zipped
}

func TestTheZipFileHasTheFunctionsAndAHandlerThatCanBeStarted(t *testing.T) {
	folder := app(t, plain())
	handler := build(t, folder, "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	zipped := packed(t, folder, handler)
	if !bytes.Equal(zipped, packed(t, folder, handler)) {
		t.Error("the second zip file of the same input is another one")
	}
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range z.File {
		got = append(got, f.Mode().String()+" "+f.Name)
	}
	want := []string{"-rw-r--r-- changes/function.json", "-rwxr-xr-x handler", "-rw-r--r-- host.json", "-rw-r--r-- snapshot/function.json"}
	if !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
}

func TestTheFunctionsOfThisProjectCanBePacked(t *testing.T) {
	handler := filepath.Join(t.TempDir(), "handler")
	if err := repository.Release(t.Context(), "functions/azure", "amd64", handler); err != nil {
		t.Fatal(err)
	}
	folder, err := repository.Path("functions", "azure")
	if err != nil {
		t.Fatal(err)
	}
	functions, err := filepath.Glob(filepath.Join(folder, "*", "function.json"))
	if err != nil || len(functions) == 0 {
		t.Fatalf("there are no functions: %v", err)
	}
	zipped := packed(t, folder, handler)
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(functions) + 2; len(z.File) != want { // and the handler and host.json
		t.Errorf("it has %d files, want %d", len(z.File), want)
	}
}

func TestAFolderThatCannotBeAFunctionAppIsRefused(t *testing.T) {
	good := build(t, app(t, plain()), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	for what, change := range map[string]struct {
		name, text string
		want       string
	}{
		"no host.json":         {"host.json", "", "no host.json"},
		"a broken host.json":   {"host.json", host + "}", "host.json: "},
		"another handler":      {"host.json", `{"customHandler":{"description":{"defaultExecutablePath":"bootstrap"}}}`, `starts "bootstrap"`},
		"a broken function":    {"changes/function.json", "{", "changes/function.json: "},
		"no trigger":           {"changes/function.json", `{"bindings":[{"type":"queue"}]}`, "0 triggers"},
		"a stray file":         {"local.settings.json", "{}", "local.settings.json is neither"},
		"a stray file beside":  {"changes/readme.md", "x", "and nothing else"},
		"a folder without one": {"docs/readme.md", "x", "and nothing else"},
	} {
		files := plain()
		if files[change.name] = change.text; change.text == "" {
			delete(files, change.name)
		}
		target := filepath.Join(t.TempDir(), "azure.zip")
		if err := pack(app(t, files), good, target); err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: %v, want %q", what, err, change.want)
		}
		if _, err := os.Stat(target); err == nil {
			t.Errorf("%s: it has left a zip file", what)
		}
	}
}

func TestAProgramForAnotherMachineIsRefused(t *testing.T) {
	folder := app(t, plain())
	for environ, want := range map[string]string{
		"GOOS=linux GOARCH=arm64":                        "EM_AARCH64",
		"GOOS=windows GOARCH=amd64":                      "no program for Linux",
		"GOOS=linux GOARCH=amd64 GOFLAGS=-buildmode=pie": "needs libraries",
	} {
		program := build(t, folder, append(strings.Fields(environ), "CGO_ENABLED=0")...)
		if err := pack(folder, program, filepath.Join(t.TempDir(), "azure.zip")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", environ, err, want)
		}
	}
}

func TestAZipFileThatDiffersFromItsFilesIsFound(t *testing.T) {
	folder := app(t, plain())
	files, err := collect(folder, build(t, folder, "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"))
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]struct {
		do   func(all []archive.File) []archive.File
		want string
	}{
		"no execute bit":   {func(all []archive.File) []archive.File { all[1].Mode = 0o644; return all }, "cannot be started"},
		"a wide mode":      {func(all []archive.File) []archive.File { all[2].Mode = 0o666; return all }, "its mode is"},
		"a missing file":   {func(all []archive.File) []archive.File { return all[1:] }, "3 files, not 4"},
		"another content":  {func(all []archive.File) []archive.File { all[2].Content = []byte("{}"); return all }, "another content"},
		"another name":     {func(all []archive.File) []archive.File { all[2].Name = "Host.json"; return all }, "in its place is Host.json"},
		"a file too many":  {func(all []archive.File) []archive.File { return append(all, archive.File{Name: "x", Mode: 0o644}) }, "5 files, not 4"},
		"in another order": {func(all []archive.File) []archive.File { slices.Reverse(all); return all }, "in its place"},
	} {
		var zipped bytes.Buffer
		if err := archive.Write(&zipped, damage.do(slices.Clone(files))); err != nil {
			t.Fatal(err)
		}
		if err := check(zipped.Bytes(), files); err == nil || !strings.Contains(err.Error(), damage.want) {
			t.Errorf("%s: %v, want %q", what, err, damage.want)
		}
	}
}
