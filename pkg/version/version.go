// Package version says which version of Rollcall a program is.
package version

import (
	"runtime/debug"
	"sync"
)

// Development is the version of a program that was not built from a commit, as by `go run`.
const Development = "development"

// String is the version that the Go command has stamped: the tag, or a pseudo-version with the
// time and the commit, and +dirty where files were not committed.
func String() string { return stamped() }

var stamped = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return Of(info)
	}
	return Development
})

// Of is the version in the information of a build.
func Of(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return Development
}
