package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints the version on stdout.
func (versionCommand) Run(p *program) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if _, err := io.WriteString(p.stdout, versionText(info)); err != nil {
		return &writeError{where: "stdout", err: err}
	}
	return nil
}

// versionText tells what was built, from which revision and by which Go.
func versionText(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "development"
	}
	text := fmt.Sprintf("%s %s\n%s %s/%s\n", programName, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if revision := settings["vcs.revision"]; revision != "" {
		if settings["vcs.modified"] == "true" {
			revision += " (modified)"
		}
		text += "revision " + revision + "\n"
	}
	return text
}
