package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: what is written to program arrives at screen.
type terminal struct{ screen, program *os.File }

func openTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return &terminal{screen: screen, program: program}
}

// show runs the program on a terminal and returns all that it sent there.
func show(t *testing.T, columns uint16, environ []string, args ...string) string {
	t.Helper()
	term := openTerminal(t, columns)
	shown := make(chan string)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, term.screen) // ends with an error once nobody writes
		shown <- all.String()
	}()
	p := &program{stdout: term.program, stderr: term.program, environ: environ}
	if status := p.run(t.Context(), args); status != complete {
		t.Errorf("status %d", status)
	}
	if err := term.program.Close(); err != nil {
		t.Error(err)
	}
	return <-shown
}

// slowly makes a demo of three pages wait twice, longer than firstDraw.
func slowly(more ...string) []string {
	return append([]string{"list", "--demo", "--demo-users", "3000", "--demo-fault", "503:2x2", "--demo-fault", "503:3x2"}, more...)
}

func TestOnATerminalEachWaitIsALine(t *testing.T) {
	t.Parallel()
	shown := show(t, 200, []string{"TERM=xterm"}, slowly("--demo-fault", "token-500")...)
	if !regexp.MustCompile(`rollcall: 127\.0\.0\.1:\d+: .*; waiting [\d.]+m?s before try 2 of 5`).MatchString(shown) {
		t.Errorf("no line about the wait for the token: %q", shown)
	}
	wait := regexp.MustCompile(`rollcall: 127\.0\.0\.1:\d+: .*503.*; waiting [\d.]+m?s before try \d of 10`)
	if n := len(wait.FindAllString(shown, -1)); n != 4 || strings.Contains(shown, "level=WARN") {
		t.Errorf("%d lines about waits, want 4 and no warnings beside them: %q", n, shown)
	}
}

func TestOnATerminalAListIsATableWithAProgressBar(t *testing.T) {
	t.Parallel() // each waits for Graph to come back
	shown := show(t, 100, []string{"TERM=xterm"}, slowly()...)
	bar := regexp.MustCompile(`reading users +\d+% \|█+ *\| \(\d+/3000, \d+ users/s\)`)
	if !bar.MatchString(shown) {
		t.Errorf("no progress bar in %q", shown)
	}
	last := strings.LastIndex(shown, "reading users")
	if !strings.HasPrefix(shown[strings.LastIndex(shown, "\x1b[2K")+4:], "\r\x1b[1mdisplayName") || last > strings.Index(shown, "displayName") {
		t.Errorf("the bar is not taken away before the table: %q", shown[max(0, last):])
	}
	if !strings.HasSuffix(shown, "\r\n3000 users, complete (verified against $count)\r\n") {
		t.Errorf("it ends with %q", shown[max(0, len(shown)-100):])
	}
	if strings.Contains(shown, `{"id"`) {
		t.Error("raw JSON on a terminal")
	}
	for line := range strings.SplitSeq(shown, "\r\n") {
		before, _, found := strings.Cut(line, "level=WARN")
		if bar := strings.LastIndex(before, "reading users"); found && bar >= 0 && !strings.Contains(before[bar:], "\x1b[2K\r") {
			t.Errorf("a log line is written behind the bar: %q", line)
		}
	}
}

func TestOnATerminalASnapshotShowsABarAndNoJSON(t *testing.T) {
	t.Parallel() // it waits for Graph to come back
	args := append([]string{"snapshot", "--sink", t.TempDir()}, slowly()[1:]...)
	shown := show(t, 100, []string{"TERM=xterm"}, args...)
	if !regexp.MustCompile(`reading users +\d+% \|█+ *\| \(\d+/3000, \d+ users/s\)`).MatchString(shown) {
		t.Errorf("no progress bar in %q", shown)
	}
	if !strings.HasSuffix(shown, "\r\n3000 users, complete (verified against $count)\r\n") {
		t.Errorf("it ends with %q", shown[max(0, len(shown)-100):])
	}
	if strings.Contains(shown, `{"status"`) {
		t.Error("raw JSON on a terminal")
	}
}

func TestADumbTerminalGetsNoBarAndNoEscapes(t *testing.T) {
	t.Parallel() // each waits for Graph to come back
	shown := show(t, 100, []string{"TERM=dumb"}, slowly()...)
	if strings.Contains(shown, "\x1b") || strings.Contains(shown, "reading users") {
		t.Errorf("%q", shown)
	}
}

func TestNOCOLORSwitchesBoldOff(t *testing.T) {
	shown := show(t, 100, []string{"TERM=xterm", "NO_COLOR=1"}, "list", "--demo")
	if strings.Contains(shown, "\x1b[1m") {
		t.Errorf("%q", shown)
	}
}

func TestANarrowTerminalGetsANarrowTableAndNoBar(t *testing.T) {
	t.Parallel() // each waits for Graph to come back
	for line := range strings.Lines(show(t, 40, []string{"TERM=dumb"}, "list", "--demo", "--rows", "50")) {
		if strings.HasPrefix(line, "displayName") || strings.Contains(line, "@contoso") {
			if width := displayWidth(strings.TrimRight(line, "\r\n")); width > 40 {
				t.Errorf("%d columns: %q", width, line)
			}
		}
	}
	if shown := show(t, 40, []string{"TERM=xterm"}, slowly()...); strings.Contains(shown, "reading users") {
		t.Errorf("a bar on a terminal too narrow for it: %q", shown)
	}
}

func TestWithoutACountTheBarIsASpinner(t *testing.T) {
	t.Parallel() // each waits for Graph to come back
	shown := show(t, 100, []string{"TERM=xterm"}, slowly("--demo-fault", "count-refused", "--demo-fault", "delta-refused")...)
	if !regexp.MustCompile(`reading users +\((\d+)/-, \d+ users/s\)`).MatchString(shown) {
		t.Errorf("%q", shown)
	}
}

func TestAShortListShowsNoBar(t *testing.T) {
	started := time.Now()
	shown := show(t, 100, []string{"TERM=xterm"}, "list", "--demo", "--demo-users", "10")
	if strings.Contains(shown, "reading users") && time.Since(started) < firstDraw {
		t.Errorf("%q", shown)
	}
}

func TestAWorkbookIsNotWrittenToATerminal(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	p := &program{stdout: openTerminal(t, 80).program, stderr: &stderr}
	status := p.run(t.Context(), []string{"list", "--demo", "--demo-users", "2", "--format", "xlsx"})
	if status != wrongUsage || !strings.Contains(stderr.String(), "--output users.xlsx") {
		t.Errorf("status %d, %s", status, stderr.String())
	}
}
