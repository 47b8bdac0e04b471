package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// hasScheme tells URLs from paths. A drive of Windows has one letter.
func hasScheme(text string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`).MatchString(text)
}

// sinkURLs are the sinks as ROLLCALL_SINKS has them.
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

// sinkURL is a sink as a URL: a path, to which options may be added as to a URL,
// becomes that of the folder.
func sinkURL(flag, text string) (string, error) {
	if hasScheme(text) {
		if strings.ContainsAny(text, " \t\r\n") {
			return "", &usageError{flag + ": a URL has no white space; write %20 for it"}
		}
		return text, nil
	}
	path, options, more := strings.Cut(text, "?")
	if path == "" {
		return "", &usageError{flag + " names no place; write for instance " + flag + " ./snapshot"}
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", &usageError{flag + ": " + err.Error()}
	}
	whole = filepath.ToSlash(whole)
	if !strings.HasPrefix(whole, "/") { // a drive's letter
		whole = "/" + whole
	}
	folder := (&url.URL{Scheme: "file", Path: whole}).String()
	if more {
		folder += "?" + options
	}
	return folder, nil
}

// demoSettings refuse what a demo must not write to: people who do not exist must
// not reach those who believe in them.
type demoSettings struct {
	Sinks onlyFolders `env:"ROLLCALL_SINKS"`
	State onlyFolders `env:"ROLLCALL_STATE"`
}

// onlyFolders are sinks that are folders.
type onlyFolders struct{}

// UnmarshalText refuses any other kind of sink.
func (onlyFolders) UnmarshalText(text []byte) error {
	for _, sink := range strings.Fields(string(text)) {
		if kind, _, _ := strings.Cut(sink, ":"); !strings.EqualFold(kind, "file") {
			return errors.New("a demo is published to folders only; write for instance ./snapshot")
		}
	}
	return nil
}

// place is where a snapshot is, as people are told.
type place struct{ root string } // a URL without the slash at its end

// folder is the path of a folder, "" for any other place.
func (p place) folder() string {
	path, ok := strings.CutPrefix(p.root, "file://")
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

// of is what people are told of a key in the place: a path, short if it is below
// the present folder, or a URL.
func (p place) of(key string) string {
	folder := p.folder()
	if folder == "" {
		return strings.TrimRight(p.root+"/"+key, "/")
	}
	whole := filepath.Join(folder, filepath.FromSlash(key))
	here, err := filepath.Abs(".")
	if err != nil {
		return whole
	}
	if short, err := filepath.Rel(here, whole); err == nil && filepath.IsLocal(short) {
		return short
	}
	return whole
}
