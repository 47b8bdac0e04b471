package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// console is stderr: log lines and, on a terminal, a progress bar below them.
type console struct {
	mu  sync.Mutex
	w   io.Writer
	bar *progressbar.ProgressBar
}

// console returns the console and a logger for it, which redacts as everywhere,
// since people pass logs on.
func (p *program) console() (*console, *slog.Logger) {
	c := &console{w: p.stderr}
	level := "WARN"
	if p.verbose {
		level = "DEBUG"
	}
	return c, telemetry.New(c, telemetry.Options{Level: level, Format: "text"})
}

// pauses returns what shows each wait on a terminal, so that none is silent. Elsewhere
// the log has them.
func (p *program) pauses(c *console) func(retry.Pause) {
	if _, ok := terminalWidth(p.stderr); !ok {
		return nil
	}
	return func(pause retry.Pause) {
		_, _ = io.WriteString(c, printable(programName+": "+pause.String())+"\n")
	}
}

// Write writes lines in place of the bar, which the next step redraws.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar != nil {
		_ = c.bar.Clear() // a bar that cannot be drawn is not a failure
	}
	return c.w.Write(p)
}

// progress shows how much of a list has been read. The zero value shows nothing.
type progress struct {
	console *console
	width   int // of the terminal
	users   int
	drawn   time.Time
}

const (
	// firstDraw keeps a bar from flashing up during a short list.
	firstDraw = 300 * time.Millisecond
	redraw    = 100 * time.Millisecond
	// clockEvery is the number of users between two looks at the clock.
	clockEvery = 64
	// barText is the width of the line without the bar itself.
	barText = 60
)

// newProgress returns a progress that draws on c, if stderr is a terminal that
// can show a bar.
func (p *program) newProgress(c *console) *progress {
	width, ok := terminalWidth(p.stderr)
	if !ok || p.isDumb() || width < barText+5 {
		return &progress{}
	}
	return &progress{console: c, width: width}
}

// expect sets the number of users that Graph counts.
func (g *progress) expect(users int) {
	if g.console == nil || users <= 0 {
		return
	}
	g.console.mu.Lock()
	defer g.console.mu.Unlock()
	switch bar := g.console.bar; {
	case bar == nil:
		g.start(int64(users))
	case bar.GetMax64() < int64(users):
		bar.ChangeMax64(int64(users))
	}
}

// start makes the bar; total is -1 if Graph does not count. The caller has locked
// the console.
func (g *progress) start(total int64) {
	g.drawn = time.Now().Add(firstDraw - redraw)
	g.console.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(g.console.w),
		progressbar.OptionSetDescription("reading users"),
		progressbar.OptionSetWidth(min(30, g.width-barText)),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // starts no goroutine
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("users"),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	)
	g.console.bar.StartWithoutRender()
}

// step counts a user.
func (g *progress) step() {
	if g.users++; g.users%clockEvery == 0 {
		g.set(g.users)
	}
}

// set sets the number of users read so far.
func (g *progress) set(users int) {
	if g.users = users; g.console == nil {
		return
	}
	g.console.mu.Lock()
	defer g.console.mu.Unlock()
	switch {
	case g.console.bar == nil:
		g.start(-1)
		return
	case time.Since(g.drawn) < redraw:
		return
	}
	g.drawn = time.Now()
	shown := int64(g.users)
	if total := g.console.bar.GetMax64(); total > 0 {
		shown = min(shown, total)
	}
	_ = g.console.bar.Set64(shown) // a bar that cannot be drawn is not a failure
}

// report sets what a run reports of a list.
func (g *progress) report(r list.Report) {
	if r.Expected != nil {
		g.expect(r.Expected.Before)
	}
	g.set(r.Users)
}

// end removes the bar.
func (g *progress) end() {
	if g.console == nil {
		return
	}
	g.console.mu.Lock()
	defer g.console.mu.Unlock()
	if g.console.bar != nil {
		_ = g.console.bar.Exit()
		_ = g.console.bar.Clear()
	}
	g.console.bar = nil
	g.console = nil
}

// countedClient is a Graph client that passes the counts it gets to a progress.
type countedClient struct {
	*graph.Client
	progress *progress
}

// Count asks Graph and informs the progress.
func (c countedClient) Count(ctx context.Context, q graph.Query, stats *graph.Stats) (int, error) {
	n, err := c.Client.Count(ctx, q, stats)
	if err == nil {
		c.progress.expect(n)
	}
	return n, err
}
