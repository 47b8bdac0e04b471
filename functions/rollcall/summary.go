package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// summarize tells a person what was published and where, and last that it is
// whole. superseded is the newer run that stays the latest one, if there is.
func (p *program) summarize(result *snapshot.Result) error {
	if len(result.Published) == 0 {
		_, err := fmt.Fprintf(p.stderr, "run %s was published under another configuration; its manifest is %s\n", printable(result.Run), printable(result.Manifest))
		return err
	}
	all, superseded := result.Published, result.Superseded
	m := all[0].Manifest
	report := list.Report{
		Users: m.Users, Verified: m.Verified, Expected: m.Expected, Difference: m.Difference,
		MissingColumns: m.MissingColumns, Warnings: m.Warnings,
	}
	var b strings.Builder
	for _, one := range all {
		at := place{one.Root}
		fmt.Fprintf(&b, "%s%s\n", at.of(""), size(&one.Manifest))
		fmt.Fprintf(&b, "  latest    %s\n", at.of(one.LatestKey))
		fmt.Fprintf(&b, "  manifest  %s\n", at.of(one.ManifestKey))
	}
	if superseded != "" {
		report.Warnings = append(report.Warnings, "run "+superseded+" is newer and stays the latest one; this one was kept and nobody was told of it")
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

// size is how many objects there are and how large they are together.
func size(m *snapshot.Manifest) string {
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
