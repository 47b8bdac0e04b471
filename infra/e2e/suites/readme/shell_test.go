package readme

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// shell is where the commands run: a folder of its own, with what earlier
// commands have set up.
type shell struct {
	root, dir string
	env       []string
	sourced   string            // the file that `simulate` tells people to source
	addresses map[string]string // where the README's servers really listen
}

// open makes a shell that has heard of no tenant.
func open(t *testing.T, root string) *shell {
	t.Helper()
	s := &shell{root: root, dir: t.TempDir(), addresses: map[string]string{}}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "AZURE_") && !strings.HasPrefix(name, "ROLLCALL_") && !strings.HasPrefix(name, "AWS_") &&
			!strings.HasPrefix(name, "MAKE") && name != "MFLAGS" && name != "SSL_CERT_FILE" && name != "PATH" {
			s.env = append(s.env, variable)
		}
	}
	bin := filepath.Join(s.dir, "bin")
	for name, folder := range map[string]string{"rollcall": "./functions/rollcall", "consumer": "./docs/examples/go"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, name), folder)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", folder, err, out)
		}
	}
	s.env = append(s.env, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	return s
}

// signIn gives the shell a simulated tenant for the README's reader's own.
func (s *shell) signIn(t *testing.T) {
	t.Helper()
	tenant := simulator.New(simulator.Config{Users: 1500})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	authority := filepath.Join(s.dir, "ca.pem")
	if err := os.WriteFile(authority, server.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env,
		"AZURE_TENANT_ID="+tenant.Config().Tenant, "AZURE_CLIENT_ID="+tenant.Config().ClientID,
		"AZURE_CLIENT_SECRET="+tenant.Config().ClientSecret, "SSL_CERT_FILE="+authority,
		"ROLLCALL_LOGIN_URL="+server.URL, "ROLLCALL_GRAPH_URL="+server.URL)
}

// script is a command as this shell runs it.
func (s *shell) script(text string) string {
	text = strings.ReplaceAll(text, program, "rollcall")
	text = strings.ReplaceAll(text, goExample, "consumer")
	text = strings.ReplaceAll(text, pythonExample, shellQuoted(filepath.Join(s.root, pythonExample)))
	for told, actual := range s.addresses {
		text = strings.ReplaceAll(text, told, actual)
	}
	if after, ok := strings.CutPrefix(text, "curl "); ok {
		text = "curl --silent --show-error --fail-with-body --max-time 60 " + after
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
	command := exec.CommandContext(t.Context(), "bash", "-c", script)
	command.Dir, command.Env = dir, s.env
	var out bytes.Buffer
	both := &journal{}
	command.Stdout, command.Stderr = io.MultiWriter(&out, both), both
	if err := command.Run(); err != nil {
		t.Fatalf("%v:\n%s", err, both.String())
	}
	return out.String(), both.String()
}

// ready is how a server tells its address.
var ready = regexp.MustCompile(`(?:Serving|at) https?://(127\.0\.0\.1:\d+)`)

// serve starts a server in the background, on an address that is free, and waits
// until it says that it serves. It ends with the test, or else by itself.
func (s *shell) serve(t *testing.T, text string) {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(text, program, "rollcall"))
	told := "127.0.0.1:8080"
	if words[1] == "simulate" {
		told = "127.0.0.1:8443"
		words = append(words, "--dir", filepath.Join(s.dir, "simulate"))
	}
	for i, word := range words {
		if word == "--addr" {
			told = words[i+1]
		}
	}
	words = append(words, "--addr", "127.0.0.1:0", "--for", "5m")
	command := exec.CommandContext(t.Context(), filepath.Join(s.dir, "bin", "rollcall"), words[1:]...)
	command.Dir, command.Env = s.dir, s.env
	out := &journal{}
	command.Stdout, command.Stderr = out, out
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		printed := out.String()
		if found := ready.FindStringSubmatch(printed); found != nil && strings.Contains(printed, "Ctrl-C") {
			s.addresses[told] = found[1]
			break
		}
		select {
		case <-ended:
			t.Fatalf("it ended:\n%s", printed)
		default:
		}
		if time.Now().After(limit) {
			t.Fatalf("it does not serve:\n%s", printed)
		}
	}
	if words[1] == "simulate" {
		s.sourced = out.sourced(t)
	}
}

// sourced is the file in the line that `simulate` prints for other terminals.
func (j *journal) sourced(t *testing.T) string {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(j.String()) {
			if file, ok := strings.CutPrefix(strings.TrimSpace(line), ". "); ok && strings.HasSuffix(line, "\n") {
				return file
			}
		}
	}
	t.Fatalf("it prints no line for other terminals:\n%s", j.String())
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

// journal keeps what is written to it; it may be read meanwhile.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
