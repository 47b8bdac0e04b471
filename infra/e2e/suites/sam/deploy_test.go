package sam_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

const app = "7c0de5e1-1a57-4ace-8c0b-0123456789ab/c11e47ed-5ec7-4a7e-9d0c-ba9876543210"

// builds stands for `sam build`, which another test runs: it writes what SAM deploys. The rest
// is SAM's own.
const builds = `#!/bin/sh
echo "$*" >> calls
[ "$1" = build ] || exec "$SAM" "$@"
[ $# -eq 1 ] || exit 9
mkdir -p .aws-sam/build/function && echo > .aws-sam/build/function/bootstrap && cp -r infra .aws-sam/build/
sed 's/^      CodeUri: \.$/      CodeUri: function/' template.yaml > .aws-sam/build/template.yaml
`

// deployer is a checkout from which somebody deploys.
type deployer struct {
	dir string
	env []string
	to  *stacks
}

func newDeployer(t *testing.T) *deployer {
	t.Helper()
	d := &deployer{dir: t.TempDir(), to: startStacks(t)}
	for _, name := range []string{"Makefile", "template.yaml", "samconfig.toml", "infra/deploy.sh", "infra/statemachine"} {
		to := filepath.Join(d.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), process.NewCommand(t.Context(), "cp", "-r", harness.Path(t, name), to).Run()); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(d.dir, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.WriteFile(filepath.Join(bin, "sam"), []byte(builds), 0o700)); err != nil { //nolint:gosec // It is run.
		t.Fatal(err)
	}
	d.env = append(process.CleanEnviron("SAM_", "APP=", "STACK=", "PARAMETERS=", "PATH=", "MAKE"), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+t.TempDir(),
		"SAM="+harness.Installed(t, "suites", "sam", ".venv", "bin", "sam"), "SAM_CLI_TELEMETRY=0", "SAM_CLI_POLL_DELAY=0.01",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=e2e", "AWS_SECRET_ACCESS_KEY=e2e-canary", "AWS_ENDPOINT_URL="+d.to.url)
	return d
}

// make runs `make deploy` with these arguments; input is what somebody types on a
// terminal, nil where there is none.
func (d *deployer) make(t *testing.T, input []string, args ...string) (out string, err error) {
	t.Helper()
	command := process.NewCommand(t.Context(), "make", append([]string{"deploy"}, args...)...)
	command.Dir, command.Env = d.dir, d.env
	if input == nil {
		text, err := command.CombinedOutput()
		return string(text), err
	}
	front, back := terminal(t)
	command.Stdin, command.Stdout, command.Stderr = back, back, back
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(front) // which ends with an error once the other end is closed
		read <- string(text)
	}()
	for _, line := range input {
		if _, err := front.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	err = command.Wait()
	_ = back.Close() // not earlier: a recorded output is written to it by this process
	return <-read, err
}

// terminal is a terminal of the kernel's: who types and who is typed to.
func terminal(t *testing.T) (front, back *os.File) {
	t.Helper()
	front, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	number, err := unix.IoctlGetInt(int(front.Fd()), unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(int(front.Fd()), unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	back, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return front, back
}

// calls are what SAM was called for.
func (d *deployer) calls(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "calls"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func TestADeploymentAsksForTheAppAndForNothingElseAndOnce(t *testing.T) {
	t.Parallel()
	d := newDeployer(t)
	out, err := d.make(t, []string{"contoso.example", app})
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if asked := strings.Count(out, "App: "); asked != 2 || strings.Contains(out, "[y/N]") || !strings.Contains(out, "That is neither") {
		t.Errorf("it asks %d times:\n%s", asked, out)
	}
	first, _ := d.to.deployed("rollcall")
	if first["FederatedApp"] != app || first["Schedule"] != "cron(15 2 * * ? *)" {
		t.Errorf("the stack has %v", first)
	}
	register := d.to.kept["rollcall"].outputs["RegisterCommand"].(string)
	for _, next := range []string{"aws iam enable-outbound-web-identity-federation", register, "aws stepfunctions start-execution"} {
		if !strings.Contains(out, next) {
			t.Errorf("it does not print the command %s:\n%s", next, out)
		}
	}
	if strings.Contains(out, "e2e-canary") {
		t.Errorf("it prints the credentials:\n%s", out)
	}
	// The same again, with one parameter more; and nothing is lost.
	for _, args := range [][]string{{`PARAMETERS=Changes=yes Schedule="rate(6 hours)"`}, nil} {
		out, err = d.make(t, []string{}, args...)
		if err != nil || strings.Contains(out, "App:") {
			t.Fatalf("%q: %v:\n%s", args, err, out)
		}
	}
	first["Changes"], first["Schedule"] = "yes", "rate(6 hours)"
	last, times := d.to.deployed("rollcall")
	if diff := cmp.Diff(first, last); diff != "" || times != 3 {
		t.Errorf("after %d deployments: %s", times, diff)
	}
}

func TestWithoutATerminalADeploymentIsToldEverything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, without []string
		want          string
	}{
		"no app":                    {nil, nil, "APP=<TENANT ID>/<CLIENT ID>, or APP=secret"},
		"an app that is none":       {[]string{"APP=contoso.example/rollcall"}, nil, "APP=contoso.example/rollcall is neither"},
		"a parameter that is none":  {[]string{"APP=" + app, "PARAMETERS=Change=yes"}, nil, "template.yaml has no parameter Change"},
		"a resource as a parameter": {[]string{"APP=" + app, "PARAMETERS=Bucket=users"}, nil, "template.yaml has no parameter Bucket"},
		"a value in two words":      {[]string{"APP=" + app, "PARAMETERS=Schedule=rate(6 hours)"}, nil, "Quote values with spaces"},
		"the app twice":             {[]string{"APP=" + app, "PARAMETERS=FederatedApp=secret"}, nil, "say one of them"},
		"no region":                 {[]string{"APP=" + app}, []string{"AWS_REGION="}, "aws configure set region"},
		"no credentials":            {[]string{"APP=" + app}, []string{"AWS_ACCESS_KEY_ID="}, "Unable to locate credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployer(t)
			d.env = slices.DeleteFunc(d.env, func(v string) bool {
				return slices.ContainsFunc(c.without, func(name string) bool { return strings.HasPrefix(v, name) })
			})
			out, err := d.make(t, nil, c.args...)
			if err == nil || !strings.Contains(out, c.want) || strings.Contains(d.calls(t), "build") {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

func TestWhatIsSaidOfTheAppIsDeployed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
		next string
	}{
		"a secret":                 {[]string{"APP=secret", "PARAMETERS=Rotate=yes"}, "secret", "FillSecretCommand"},
		"what Terraform has made":  {[]string{"PARAMETERS=Cloud=usgov FederatedApp=" + app}, app, "RegisterCommand"},
		"an app for another stack": {[]string{"APP=" + app, "STACK=directory"}, app, "RegisterCommand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployer(t)
			out, err := d.make(t, nil, c.args...)
			if err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			stack := "rollcall"
			if slices.Contains(c.args, "STACK=directory") {
				stack = "directory"
			}
			if got, times := d.to.deployed(stack); got["FederatedApp"] != c.want || times != 1 || len(d.to.kept) != 1 {
				t.Errorf("%d deployments with %v", times, got)
			}
			if next := d.to.kept[stack].outputs[c.next].(string); !strings.Contains(out, next) {
				t.Errorf("it does not print %s:\n%s", next, out)
			}
		})
	}
}

// A stack may be older than the parameter, or than its having no default.
func TestAnUpgradeKeepsTheSecret(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string]map[string]string{
		"a parameter not there": {"Format": "parquet"},
		"an empty parameter":    {"FederatedApp": "", "Format": "parquet", "SecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:entra-AbCdEf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployer(t)
			d.to.have("rollcall", parameters, map[string]any{"FillSecretCommand": "aws secretsmanager put-secret-value"})
			out, err := d.make(t, nil)
			if err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			got, _ := d.to.deployed("rollcall")
			if got["Format"] != "parquet" || got["SecretArn"] != parameters["SecretArn"] || d.to.kept["rollcall"].outputs["FillSecretCommand"] == nil {
				t.Errorf("the stack has %v", got)
			}
		})
	}
}
