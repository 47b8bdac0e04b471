package readme_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// shell is where the commands run: a folder of its own, with the state that
// earlier commands left.
type shell struct {
	root, dir string
	env       []string
	sourced   string            // the file that `simulate` names to be sourced
	addresses map[string]string // where the README's servers really listen
}

// open makes a shell without a tenant.
func open(t *testing.T, root string) *shell {
	t.Helper()
	s := &shell{root: root, dir: t.TempDir(), addresses: map[string]string{}}
	bin := filepath.Join(s.dir, "bin")
	for name, folder := range map[string]string{"rollcall": "functions/rollcall", "consumer": "docs/examples/go"} {
		if err := repository.Plain(t.Context(), folder, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(process.CleanEnviron("MAKE", "MFLAGS", "SSL_CERT_FILE", "PATH="), "PATH="+bin+":"+os.Getenv("PATH"))
	return s
}

// signIn gives the shell a simulated tenant in place of the reader's own.
func (s *shell) signIn(t *testing.T) {
	t.Helper()
	s.env = append(s.env, harness.Start(t, tenant.New(simulator.Config{Users: 1500}).Start).Environ()...)
}

// script is a command as this shell runs it.
func (s *shell) script(text string) string {
	text = strings.ReplaceAll(text, program, "rollcall")
	text = strings.ReplaceAll(text, goExample, "consumer")
	text = strings.ReplaceAll(text, pythonExample, shellQuoted(filepath.Join(s.root, pythonExample)))
	for printed, actual := range s.addresses {
		text = strings.ReplaceAll(text, printed, actual)
	}
	if after, ok := strings.CutPrefix(text, "curl "); ok {
		text = "curl --silent --show-error --fail-with-body --max-time 60 " + after
	}
	if strings.Contains(text, " --watch") { // until it has something to show
		text += " > watched &\nuntil test -s watched; do kill -0 $! || exit; sleep 0.05; done\nkill -INT $!\nwait $! && cat watched"
	}
	if s.sourced != "" {
		text = ". '" + s.sourced + "'\n" + text
	}
	return "set -o pipefail\n" + text
}

func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// run runs a command to its end in a folder and returns what it prints.
func (s *shell) run(t *testing.T, dir, script string) (stdout, all string) {
	t.Helper()
	stdout, all, err := s.try(t, dir, script)
	if err != nil {
		t.Fatalf("%v:\n%s", err, all)
	}
	return stdout, all
}

// try is run for a command that may fail.
func (s *shell) try(t *testing.T, dir, script string) (stdout, all string, err error) {
	t.Helper()
	command := process.NewCommand(t.Context(), "bash", "-c", script)
	command.Dir, command.Env = dir, s.env
	var out bytes.Buffer
	both := &process.Output{}
	command.Stdout, command.Stderr = io.MultiWriter(&out, both), both
	err = command.Run()
	return out.String(), both.String(), err
}

// listening is the line that a server prints once it listens.
var listening = regexp.MustCompile(`(?:Serving|at) https?://(127\.0\.0\.1:\d+)\S*\. Ctrl-C`)

// serve starts a server in the background, on a free address.
func (s *shell) serve(t *testing.T, text string) {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(text, program, "rollcall"))
	address := "127.0.0.1:8080" // the one in the README
	if words[1] == "simulate" {
		address = "127.0.0.1:8443"
		words = append(words, "--dir", filepath.Join(s.dir, "simulate"))
	}
	for i, word := range words {
		if word == "--addr" {
			address = words[i+1]
		}
	}
	server := harness.Start(t, process.Server{
		Name: "rollcall " + words[1], Program: filepath.Join(s.dir, "bin", "rollcall"),
		Args: append(words[1:], "--addr", "127.0.0.1:0", "--for", "5m"), Dir: s.dir, Env: s.env,
		Address: listening, StartLimit: time.Minute,
		PrintsSecrets: words[1] == "simulate", // which other terminals are to use
	}.Start)
	s.addresses[address] = server.Address
	if words[1] == "simulate" {
		s.sourced = sourced(t, server)
	}
}

// sourced is the file in the line that `simulate` prints for other terminals.
func sourced(t *testing.T, server *process.Running) string {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(server.Output()) {
			if file, ok := strings.CutPrefix(strings.TrimSpace(line), ". "); ok && strings.HasSuffix(line, "\n") {
				return file
			}
		}
	}
	t.Fatalf("it prints no line for other terminals:\n%s", server.Output())
	return ""
}

// grouped writes a number as people do: 1,000,001.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
