package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/rollcall-dev/rollcall/pkg/version"
)

type versionCommand struct{}

// Run prints the version on stdout.
func (versionCommand) Run(p *program) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	_, err := io.WriteString(p.out(), versionText(info))
	return err
}

// versionText says which version this is, from which revision and by which Go it
// was built.
func versionText(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := fmt.Sprintf("%s %s\n%s %s/%s\n", programName, version.Of(info), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if revision := settings["vcs.revision"]; revision != "" {
		if settings["vcs.modified"] == "true" {
			revision += " (modified)"
		}
		text += "revision " + revision + "\n"
	}
	return text
}
