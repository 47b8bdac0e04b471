package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// chart is a picture of the size of the directory over time, with who joined and left below
// it as bars. Its coordinates are those of an SVG image.
type chart struct {
	Width, Height  int
	Left, Right    string // where the plots begin and end
	Line, Area     string // paths
	Points         []point
	Sizes          []tick // of the upper plot
	Times          []tick
	Bars           []bar
	Zero           string // the line between joiners and leavers
	Most           string // the number that the longest bar may stand for
	MostY, FewestY string
	Summary        string
}

type point struct{ X, Y, Title string }

type tick struct{ At, Label, Anchor string }

// bar is a column above the line for joiners, below for leavers.
type bar struct{ X, Y, Width, Height, Class, Title string }

// The layout.
const (
	chartWidth  = 960
	chartHeight = 312
	plotLeft    = 72
	plotRight   = chartWidth - 12
	sizeTop     = 14
	sizeBottom  = 176
	barTop      = 206
	barZero     = 244
	barBottom   = 282
	widestBar   = 16
)

// newChart draws the runs, given newest first. It takes two lists to draw a line.
func newChart(runs []runView) *chart {
	var all []runView
	for _, r := range slices.Backward(runs) {
		if r.manifest != nil && r.Kind != "bad" {
			all = append(all, r)
		}
	}
	if len(all) < 2 {
		return nil
	}
	first, last := all[0].manifest.StartedAt, all[len(all)-1].manifest.StartedAt
	span := last.Sub(first).Seconds()
	inset := float64(widestBar)
	x := func(at time.Time) float64 {
		if span <= 0 {
			return (plotLeft + plotRight) / 2
		}
		return plotLeft + inset + at.Sub(first).Seconds()/span*(plotRight-plotLeft-2*inset)
	}
	low, high, most := all[0].manifest.Users, all[0].manifest.Users, 1
	gap := float64(widestBar) / 0.7
	for i, r := range all {
		low, high = min(low, r.manifest.Users), max(high, r.manifest.Users)
		if r.joined >= 0 {
			most = max(most, r.joined, r.manifest.Leavers)
		}
		if i > 0 {
			gap = min(gap, x(r.manifest.StartedAt)-x(all[i-1].manifest.StartedAt))
		}
	}
	steps := ticksBetween(low, high)
	bottom, top := float64(steps[0]), float64(steps[len(steps)-1])
	y := func(users int) float64 {
		return sizeBottom - (float64(users)-bottom)/(top-bottom)*(sizeBottom-sizeTop)
	}
	c := &chart{
		Width: chartWidth, Height: chartHeight, Left: number(plotLeft), Right: number(plotRight),
		Zero: number(barZero), Most: grouped(most), MostY: number(barTop), FewestY: number(barBottom),
	}
	for _, step := range steps {
		c.Sizes = append(c.Sizes, tick{At: number(y(step)), Label: grouped(step)})
	}
	wide := max(2, min(widestBar, gap*0.7))
	var path strings.Builder
	for i, r := range all {
		at, m := x(r.manifest.StartedAt), r.manifest
		title := r.Started + " UTC: " + people(m.Users)
		if r.joined >= 0 {
			title += fmt.Sprintf(", %s joined, %s left", grouped(r.joined), grouped(m.Leavers))
			c.add(at, wide, r.joined, most, "joined", title)
			c.add(at, wide, -m.Leavers, most, "left", title)
		}
		c.Points = append(c.Points, point{number(at), number(y(m.Users)), title})
		command := "L"
		if i == 0 {
			command = "M"
		}
		path.WriteString(command + number(at) + " " + number(y(m.Users)))
	}
	c.Line = path.String()
	c.Area = fmt.Sprintf("%sL%s %dL%s %dZ", c.Line, number(x(last)), sizeBottom, number(x(first)), sizeBottom)
	c.Times = timesBetween(first, last, x)
	c.Summary = fmt.Sprintf("From %s on %s to %s on %s, in %d runs.", people(all[0].manifest.Users), all[0].Started, people(all[len(all)-1].manifest.Users), all[len(all)-1].Started, len(all))
	return c
}

// add draws a bar of a number of people, of leavers if it is less than 0.
func (c *chart) add(at, wide float64, n, most int, class, title string) {
	if n == 0 {
		return
	}
	height := max(1, math.Abs(float64(n))/float64(most)*(barZero-barTop))
	top := barZero - height
	if n < 0 {
		top = barZero
	}
	c.Bars = append(c.Bars, bar{number(at - wide/2), number(top), number(wide), number(height), class, title})
}

// ticksBetween are round numbers, the first no more than low and the last no less than
// high.
func ticksBetween(low, high int) []int {
	span := max(high-low, 1)
	step := 1
	for _, factor := range []int{1, 2, 5} {
		for unit := 1; unit <= span; unit *= 10 {
			if fits := unit * factor; fits >= (span+3)/4 && (step < (span+3)/4 || fits < step) {
				step = fits
			}
		}
	}
	var ticks []int
	for n := low / step * step; ; n += step {
		ticks = append(ticks, n)
		if n >= high && len(ticks) > 1 {
			return ticks
		}
	}
}

// timesBetween are five labels at most along the time.
func timesBetween(first, last time.Time, x func(time.Time) float64) []tick {
	const labels = 5
	layout := "2006-01-02"
	if last.Sub(first) < 72*time.Hour {
		layout = "01-02 15:04"
	}
	var ticks []tick
	for i := range labels {
		at := first.Add(last.Sub(first) / (labels - 1) * time.Duration(i))
		t := tick{At: number(x(at)), Label: at.UTC().Format(layout), Anchor: "middle"}
		switch i {
		case 0:
			t.Anchor = "start"
		case labels - 1:
			t.Anchor = "end"
		}
		if len(ticks) == 0 || ticks[len(ticks)-1].Label != t.Label {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// number writes a coordinate.
func number(n float64) string { return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64) }
