package entra_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// code returns the exit status that an error stands for, 0 for none.
func code(err error) int {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// certificateEnd is when the certificate of the tests ends.
func certificateEnd(t *testing.T) time.Time {
	t.Helper()
	text, err := os.ReadFile(certificate(t))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.NotAfter
}

// The az that it finds would leave a trace.
func TestTheScriptRefusesBeforeItChangesAnything(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/az", []byte("#!/bin/sh\ntouch "+folder+"/called\n"), 0o700); err != nil { //nolint:gosec // It is run.
		t.Fatal(err)
	}
	both := harness.Path(t, "infra", "entra", "tests", "both.pem")
	federation := "reader --credential federation --issuer " + issuer + " --role-arn " + users
	for args, want := range map[string]string{
		"":                               "reader|rotator",
		"somebody":                       "reader|rotator",
		"reader":                         "--credential is federation, certificate or secret",
		"reader --credential password":   "--credential is federation, certificate or secret",
		"reader --credential":            "--credential needs a value",
		"reader --force yes":             "no option --force",
		"reader --credential federation": "needs --role-arn",
		federation + " --issuer http://a.example":                                                   "--issuer is an https:// address",
		federation + " --issuer https://a.example/":                                                 "without a slash",
		federation + " --role-arn arn:aws:sts::123456789012:assumed-role/r/s":                       "not of a session",
		federation + " --role-arn arn:aws:lambda:eu-west-1:123456789012:function:f":                 "not of a function",
		federation + strings.Repeat(" --role-arn "+users, 20):                                       "at most 20",
		federation + ` --audience "}`:                                                               "--audience is one",
		federation + " --permission User.ReadWrite.All":                                             "only reads",
		federation + " --name rollcall'":                                                            "--name has letters",
		"reader --credential certificate":                                                           "a file that can be read",
		"reader --credential certificate --certificate /nothing":                                    "a file that can be read",
		"reader --credential certificate --certificate " + both:                                     "a private key",
		"reader --credential certificate --certificate /etc/hosts":                                  "not one certificate in PEM",
		"reader --credential certificate --certificate " + certificate(t) + " --kms-key-id alias/a": "ARN of a key",
		"reader --credential secret":                                                                "--end-date",
		"reader --credential secret --end-date tomorrow":                                            "--end-date",
	} {
		command := process.NewCommand(t.Context(), harness.Path(t, "infra", "entra", "setup.sh"), strings.Fields(args)...)
		command.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
		out, err := command.CombinedOutput()
		if code(err) != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	if _, err := os.Stat(folder + "/called"); err == nil {
		t.Error("az was called")
	}
}

func TestTheScriptDoesNotShowASecretOnATerminal(t *testing.T) {
	// Python runs it on a terminal of its own.
	command := process.NewCommand(t.Context(), "python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
		harness.Path(t, "infra", "entra", "setup.sh"), "reader", "--credential", "secret", "--end-date", "2099-06-30")
	out, err := command.CombinedOutput()
	if code(err) != 2 || !strings.Contains(string(out), "pipe standard output") {
		t.Errorf("it ends with %v and says %s", err, out)
	}
}

func TestTheScriptGivesNoPermissionToSomebodyElsesApp(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureCloud")
	if _, err := s.run(t, "az", "ad", "app", "create", "--display-name", "rollcall"); err != nil {
		t.Fatal(err)
	}
	args := []string{"reader", "--credential", "federation", "--issuer", issuer, "--role-arn", users}
	found := s.Apps()[0]
	_, err := s.run(t, harness.Path(t, "infra", "entra", "setup.sh"), args...)
	if code(err) != 1 || !strings.Contains(err.Error(), "--client-id "+found.ClientID) {
		t.Errorf("it ends with %v", err)
	}
	if got := s.Apps(); len(got) != 1 || len(got[0].May) != 0 || len(got[0].Federated) != 0 {
		t.Errorf("the app has become %+v", got)
	}
	s.setUp(t, append(args, "--client-id", found.ClientID)...)
	if got := s.Apps(); len(got) != 1 || len(got[0].May) != 1 {
		t.Errorf("once it is known the app becomes %+v", got)
	}
}
