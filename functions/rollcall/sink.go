package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// hasScheme reports whether text is a URL and not a path. A drive letter of
// Windows is not a scheme.
func hasScheme(text string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`).MatchString(text)
}

// sinkURLs returns the value of ROLLCALL_SINKS for the flags --sink.
func sinkURLs(sinks []string) (string, error) {
	urls := make([]string, len(sinks))
	for i, sink := range sinks {
		var err error
		if urls[i], err = sinkURL("--sink", sink); err != nil {
			return "", err
		}
	}
	return strings.Join(urls, " "), nil
}

// stateURL returns the URL of the state, "" for none.
func stateURL(state string) (string, error) {
	if state == "" {
		return "", nil
	}
	return sinkURL("--state", state)
}

// sinkURL returns the URL of a sink. A path, which may have options as a URL has,
// becomes the URL of the folder.
func sinkURL(flag, text string) (string, error) {
	if hasScheme(text) {
		if strings.ContainsAny(text, " \t\r\n") {
			return "", &usageError{flag + ": a URL has no white space; write %20 for it"}
		}
		return text, nil
	}
	path, options, more := strings.Cut(text, "?")
	if path == "" {
		return "", &usageError{flag + " is empty; write for instance " + flag + " ./snapshot"}
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", &usageError{flag + ": " + err.Error()}
	}
	absolute = filepath.ToSlash(absolute)
	if !strings.HasPrefix(absolute, "/") { // a drive letter
		absolute = "/" + absolute
	}
	folder := (&url.URL{Scheme: "file", Path: absolute}).String()
	if more {
		folder += "?" + options
	}
	return folder, nil
}

// demoSettings allow a demo to publish to folders only: people who do not exist
// must not reach anybody who believes in them.
type demoSettings struct {
	Sinks onlyFolders `env:"ROLLCALL_SINKS"`
	State onlyFolders `env:"ROLLCALL_STATE"`
}

// onlyFolders are sinks that are folders.
type onlyFolders struct{}

// UnmarshalText rejects any other kind of sink.
func (onlyFolders) UnmarshalText(text []byte) error {
	for _, sink := range strings.Fields(string(text)) {
		if kind, _, _ := strings.Cut(sink, ":"); !strings.EqualFold(kind, "file") {
			return errors.New("a demo is published to folders only; write for instance ./snapshot")
		}
	}
	return nil
}

// location is where a snapshot is stored, as it is shown to people.
type location struct{ root string } // a URL without a slash at its end

// folder returns the path of a folder, "" for any other location.
func (l location) folder() string {
	path, ok := strings.CutPrefix(l.root, "file://")
	if !ok {
		return ""
	}
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	if filepath.VolumeName(strings.TrimPrefix(path, "/")) != "" {
		path = strings.TrimPrefix(path, "/")
	}
	return filepath.FromSlash(path)
}

// of returns where a key is stored: a URL, or a path, which is relative if it is
// below the working directory.
func (l location) of(key string) string {
	folder := l.folder()
	if folder == "" {
		return strings.TrimRight(l.root+"/"+key, "/")
	}
	absolute := filepath.Join(folder, filepath.FromSlash(key))
	here, err := filepath.Abs(".")
	if err != nil {
		return absolute
	}
	if short, err := filepath.Rel(here, absolute); err == nil && filepath.IsLocal(short) {
		return short
	}
	return absolute
}
