package sam_test

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

func TestTheTemplateIsValid(t *testing.T) {
	out := sam(t, "validate", "--lint", "--template-file", harness.Path(t, "template.yaml"))
	if !strings.Contains(out, "is a valid SAM Template") {
		t.Errorf("it says: %s", out)
	}
}

// functions are those of the template, also those that only some stacks have, and the
// folders of their programs.
func functions() map[string]string {
	return map[string]string{
		"UsersFunction": "users", "SnapshotFunction": "snapshot", "ChangesFunction": "changes", "WebhookFunction": "webhook",
		"RotateFunction": "rotate",
	}
}

func TestTheBuildMakesTheReleasedBinariesAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	sam(t, "build", "--build-in-source", "--template-file", harness.Path(t, "template.yaml"), "--build-dir", dir)
	built, err := filepath.Glob(filepath.Join(dir, "*Function"))
	if err != nil || len(built) != len(functions()) {
		t.Errorf("it builds %q, %v", built, err)
	}
	for function, folder := range functions() {
		t.Run(function, func(t *testing.T) { checkBuilt(t, filepath.Join(dir, function), folder) })
	}
}

func checkBuilt(t *testing.T, dir, folder string) {
	t.Helper()
	artifacts, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(artifacts) != 1 || artifacts[0].Name() != "bootstrap" {
		t.Errorf("the artifacts are %v, want a bootstrap alone", artifacts)
	}
	bootstrap := filepath.Join(dir, "bootstrap")
	info, err := buildinfo.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	if info.Path != "github.com/rollcall-dev/rollcall/functions/"+folder {
		t.Errorf("it is the program %s", info.Path)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for name, want := range map[string]string{
		"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0", "-trimpath": "true", "-tags": "lambda.norpc",
	} {
		if got[name] != want {
			t.Errorf("it was built with %s=%s, want %s", name, got[name], want)
		}
	}
	file, err := elf.Open(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if file.Machine != elf.EM_AARCH64 || file.Section(".symtab") != nil || file.Section(".debug_info") != nil {
		t.Errorf("it is for %s with symbols %t, want arm64 without", file.Machine, file.Section(".symtab") != nil)
	}
}

// sam runs the command line as on a machine that has never seen AWS, and
// returns what it prints.
func sam(t *testing.T, args ...string) string {
	t.Helper()
	command := process.NewCommand(t.Context(), harness.Installed(t, "suites", "sam", ".venv", "bin", "sam"), args...)
	command.Env = process.CleanEnviron("SAM_")
	command.Env = append(command.Env, goHomes(t)...)
	command.Env = append(command.Env, "HOME="+t.TempDir(), "AWS_DEFAULT_REGION=eu-west-1", "SAM_CLI_TELEMETRY=0",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("sam %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// goHomes are Go's own folders, which otherwise follow from HOME, so that a build
// finds what has been compiled already.
func goHomes(t *testing.T) []string {
	t.Helper()
	names := []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOENV"}
	out, err := process.NewCommand(t.Context(), "go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	values := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(values) != len(names) {
		t.Fatalf("go env printed %q", out)
	}
	for i, name := range names {
		values[i] = name + "=" + values[i]
	}
	return values
}
