package readme_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
)

// TestEveryCommandOfTheREADMEWorks runs them in their order, as a reader would.
func TestEveryCommandOfTheREADMEWorks(t *testing.T) {
	root := harness.Path(t)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parse(string(text))
	if err != nil {
		t.Fatalf("README.md, %v", err)
	}
	if len(doc.commands) == 0 {
		t.Fatal("README.md has no commands")
	}
	s := open(t, root)
	for _, c := range doc.commands {
		t.Logf("line %d: %s", c.line, c.text)
		switch c.plan {
		case makeRun:
			_, all := s.run(t, root, c.text)
			lines := strings.Split(strings.TrimSpace(all), "\n")
			last := lines[max(0, len(lines)-2):]
			if !strings.Contains(doc.text, "\n"+strings.Join(last, "\n")+"\n") || !strings.Contains(last[0], "complete (verified") {
				t.Errorf("README.md, line %d: %s ends with lines that are not in the README: %q", c.line, c.text, last)
			}
		case makeElse:
			s.run(t, root, "make -n "+strings.TrimPrefix(c.text, "make "))
		case export:
			s.signIn(t)
		case server:
			s.serve(t, c.text)
		case client:
			out, _ := s.run(t, s.dir, s.script(c.text))
			s.check(t, doc, c, out)
			if strings.HasPrefix(c.text, "jq ") {
				s.checkRefusal(t, c)
			}
		}
	}
}

// check checks what a command left behind.
func (s *shell) check(t *testing.T, doc *document, c command, out string) {
	t.Helper()
	switch {
	case c.output != "":
		info, err := os.Stat(filepath.Join(s.dir, c.output))
		if err != nil || info.Size() == 0 {
			t.Errorf("README.md, line %d: %s left no %s (%v)", c.line, c.text, c.output, err)
		}
	case strings.Contains(c.text, "wc -l"):
		n, err := strconv.Atoi(strings.TrimSpace(out))
		if err != nil || !strings.Contains(doc.text, " "+grouped(n)+" lines") {
			t.Errorf("README.md, line %d: %s prints %s, and the README has no %s lines", c.line, c.text, strings.TrimSpace(out), grouped(n))
		}
	case strings.Contains(c.text, "=ndjson") && !strings.Contains(out, `{"@rollcall.complete":true,`):
		t.Errorf("README.md, line %d: %s closes with %.200q", c.line, c.text, out[max(0, len(out)-200):])
	case strings.Contains(c.text, " snapshot --") && !strings.Contains(out, `"status":"complete"`):
		t.Errorf("README.md, line %d: %s answers %s", c.line, c.text, out)
	case strings.Contains(c.text, " changes ") && !strings.Contains(out, `"type":"rollcall.user.`):
		t.Errorf("README.md, line %d: %s prints no event: %s", c.line, c.text, out)
	case strings.Contains(c.text, "docs/examples/") && !strings.Contains(out, " users of run "):
		t.Errorf("README.md, line %d: %s prints %s", c.line, c.text, out)
	case out == "" && !strings.HasPrefix(c.text, "curl"):
	case out == "":
		t.Errorf("README.md, line %d: %s prints nothing", c.line, c.text)
	}
}

// checkRefusal runs a command that judges a stream of NDJSON on streams that are not
// complete: it has to fail.
func (s *shell) checkRefusal(t *testing.T, c command) {
	t.Helper()
	words := strings.Fields(c.text)
	name := words[len(words)-1]
	whole, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	users := strings.Join(lines[:len(lines)-1], "")
	for what, stream := range map[string]string{
		"cut before its last record": users, "cut in a user": users[:len(users)-10], "cut in its last record": string(whole[:len(whole)-5]), "empty": "",
		"failed": users + `{"@rollcall.complete":false,"error":{"code":"Graph.Throttled","message":"later"}}` + "\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(stream), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, all, err := s.try(t, dir, s.script(c.text)); err == nil {
			t.Errorf("README.md, line %d: %s succeeds with a list that is %s:\n%s", c.line, c.text, what, all)
		}
	}
}

func TestAnUnknownCommandIsRefused(t *testing.T) {
	for _, line := range []string{
		"terraform apply", "rm -rf /", "make", "export PATH=...", "export AZURE_TENANT_ID=mine", "rollcall",
		"make test && true", "rollcall list | sort", "go run ./functions/users", "go run ./docs/examples/go", "python3 x.py", "curl 'x'; true", "echo `true`",
	} {
		if _, err := parse("```sh\n" + line + "\n```\n"); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
	for _, language := range []string{"bash", "shell", "console"} {
		if _, err := parse(fmt.Sprintf("```%s\nmake run\n```\n", language)); err == nil {
			t.Errorf("a block of %s is accepted", language)
		}
	}
}

func TestCommandsAreUnderstoodAsTheyAreWritten(t *testing.T) {
	doc, err := parse("```sh\n# a remark\nrollcall list --output a.csv\ncurl 'http://h/u?$a=(b;c)|&' \\\n  -H \"x: y\"\n\nmake test # all\n```\n```json\n{}\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []command{
		{3, "rollcall list --output a.csv", client, "a.csv"},
		{5, "curl 'http://h/u?$a=(b;c)|&'   -H \"x: y\"", client, ""},
		{7, "make test # all", makeElse, ""},
	}
	if fmt.Sprint(doc.commands) != fmt.Sprint(want) {
		t.Errorf("it understands %v, want %v", doc.commands, want)
	}
}
