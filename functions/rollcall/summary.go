package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// summarize tells a person what was published and where, and last that it is
// whole.
func (p *program) summarize(result *roll.Result, sinks []string) error {
	report := roll.Report{Users: result.Users, Verified: result.Verified}
	if result.Expected != nil {
		report.Expected = &roll.Expected{Before: *result.Expected, After: *result.Expected}
		report.Difference = result.Users - *result.Expected
	}
	_, key, latest := cutRun(result.Manifest)
	var b strings.Builder
	for i, at := range places(result.Manifest, sinks) {
		m := at.manifest(key)
		if i == 0 && m != nil {
			report.Expected, report.Difference = m.Expected, m.Difference
			report.MissingColumns, report.Warnings = m.MissingColumns, m.Warnings
		}
		fmt.Fprintf(&b, "%s%s\n", at.of(""), size(m))
		fmt.Fprintf(&b, "  latest    %s\n", at.of(latest))
		fmt.Fprintf(&b, "  manifest  %s\n", at.of(key))
	}
	for _, warning := range warnings(report) {
		fmt.Fprintln(&b, "warning: "+warning)
	}
	b.WriteString(closingLine(report))
	for line := range strings.SplitSeq(b.String(), "\n") {
		if _, err := io.WriteString(p.stderr, printable(line)+"\n"); err != nil {
			return &writeError{where: "stderr", err: err}
		}
	}
	return nil
}

// manifest reads the proof where that takes no more than opening a file.
func (p place) manifest(key string) *roll.Manifest {
	folder := p.folder()
	if folder == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(key)))
	if err != nil {
		return nil // it has been moved since: what is told is less
	}
	var m roll.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil
	}
	return &m
}

// size is how many objects there are and how large they are together.
func size(m *roll.Manifest) string {
	if m == nil {
		return ""
	}
	var bytes int64
	for _, o := range m.Objects {
		bytes += o.Bytes
	}
	plural := "s"
	if len(m.Objects) == 1 {
		plural = ""
	}
	return fmt.Sprintf(": %d object%s, %s", len(m.Objects), plural, inBytes(bytes))
}

// inBytes writes a size in decimal units, as file managers and clouds do.
func inBytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, units := float64(n), []string{"kB", "MB", "GB", "TB"}
	for i := 0; ; i++ {
		if value /= 1000; value < 999.5 || i == len(units)-1 {
			if value < 9.95 {
				return fmt.Sprintf("%.1f %s", value, units[i])
			}
			return fmt.Sprintf("%.0f %s", value, units[i])
		}
	}
}
