package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// screen is stderr: log lines and, on a terminal, a progress bar that makes room
// for them.
type screen struct {
	mu  sync.Mutex
	w   io.Writer
	bar *progressbar.ProgressBar
}

// Write writes lines where the bar was; the bar comes back with the next step.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		_ = s.bar.Clear() // a bar that cannot be drawn is no failure
	}
	return s.w.Write(p)
}

// logger logs for a person, redacted as everywhere: logs are passed on.
func (s *screen) logger(verbose bool) *slog.Logger {
	level := "WARN"
	if verbose {
		level = "DEBUG"
	}
	return telemetry.New(s, telemetry.Options{Level: level, Format: "text"})
}

// progress shows how far a list is. Its zero value shows nothing.
type progress struct {
	screen *screen
	width  int // of the terminal
	users  int
	drawn  time.Time
}

const (
	// firstDraw keeps a list that is soon done from flashing a bar.
	firstDraw = 300 * time.Millisecond
	redraw    = 100 * time.Millisecond
	// clockEvery is how many users pass between two looks at the clock.
	clockEvery = 64
	// barText is what the bar's line holds besides the bar.
	barText = 60
)

// newProgress returns a progress that draws on s if stderr is a terminal that can.
func (p *program) newProgress(s *screen) *progress {
	width, ok := terminalWidth(p.stderr)
	if !ok || lookup(p.environ, "TERM") == "dumb" || width < barText+5 {
		return &progress{}
	}
	return &progress{screen: s, width: width}
}

// expect tells how many users Graph counts.
func (g *progress) expect(users int) {
	if g.screen == nil || users <= 0 {
		return
	}
	g.screen.mu.Lock()
	defer g.screen.mu.Unlock()
	switch bar := g.screen.bar; {
	case bar == nil:
		g.begin(int64(users))
	case bar.GetMax64() < int64(users):
		bar.ChangeMax64(int64(users))
	}
}

// begin makes the bar, total is -1 when Graph does not count. The caller holds the
// screen.
func (g *progress) begin(total int64) {
	g.drawn = time.Now().Add(firstDraw - redraw)
	g.screen.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(g.screen.w),
		progressbar.OptionSetDescription("reading users"),
		progressbar.OptionSetWidth(min(30, g.width-barText)),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("users"),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	)
	g.screen.bar.StartWithoutRender()
}

// step counts one user.
func (g *progress) step() {
	if g.users++; g.users%clockEvery == 0 {
		g.at(g.users)
	}
}

// at tells how many users there are by now.
func (g *progress) at(users int) {
	if g.users = users; g.screen == nil {
		return
	}
	g.screen.mu.Lock()
	defer g.screen.mu.Unlock()
	switch {
	case g.screen.bar == nil:
		g.begin(-1)
		return
	case time.Since(g.drawn) < redraw:
		return
	}
	g.drawn = time.Now()
	shown := int64(g.users)
	if total := g.screen.bar.GetMax64(); total > 0 {
		shown = min(shown, total)
	}
	_ = g.screen.bar.Set64(shown) // a bar that cannot be drawn is no failure
}

// end takes the bar away.
func (g *progress) end() {
	if g.screen == nil {
		return
	}
	g.screen.mu.Lock()
	defer g.screen.mu.Unlock()
	if g.screen.bar != nil {
		_ = g.screen.bar.Exit()
		_ = g.screen.bar.Clear()
	}
	g.screen.bar = nil
	g.screen = nil
}

// counted is the directory that a listing reads, with the count shown to the
// progress as it passes by.
type counted struct {
	*graph.Client
	progress *progress
}

// Count asks Graph and tells the progress.
func (c counted) Count(ctx context.Context, q graph.Query, stats *graph.Stats) (int, error) {
	n, err := c.Client.Count(ctx, q, stats)
	if err == nil {
		c.progress.expect(n)
	}
	return n, err
}

// terminalWidth returns the columns of the terminal behind w, and whether there
// is one.
func terminalWidth(w io.Writer) (int, bool) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return width, true
}
