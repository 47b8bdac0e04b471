// Package docs_test keeps the documentation and the code from drifting apart: what the
// pages name exists, and what there is to name is in the pages.
package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository.
const root = ".."

// page is one file of the documentation.
type page struct {
	path string // from the top of the repository
	text string
}

// pages are all of them; none other may be missing from the README's links.
func pages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"docs/*.md", "infra/*/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			paths = append(paths, filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))))
		}
	}
	out := make([]page, 0, len(paths))
	for _, path := range paths {
		out = append(out, page{path, read(t, path)})
	}
	if len(out) < 10 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is the text of a page from a heading to the next one of its kind.
func section(t *testing.T, p, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, p), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", p, heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	text, _, _ := strings.Cut(rest, "\n"+level+" ")
	return text
}

// rows are the names that the first cells of a text's tables have in backquotes.
func rows(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || strings.TrimSpace(cells[0]) != "" {
			continue
		}
		for _, quoted := range quotedText.FindAllStringSubmatch(cells[1], -1) {
			names = append(names, quoted[1])
		}
	}
	return names
}

var quotedText = regexp.MustCompile("`([^`]+)`")

// same reports what only one of two lists has.
func same(t *testing.T, what, where string, documented, existing []string) {
	t.Helper()
	if len(existing) == 0 {
		t.Fatalf("no %s was found in the code", what)
	}
	for _, name := range sorted(existing) {
		if !slices.Contains(documented, name) {
			t.Errorf("the %s %s is not in %s", what, name, where)
		}
	}
	for _, name := range sorted(documented) {
		if !slices.Contains(existing, name) {
			t.Errorf("%s has the %s %s, which does not exist", where, what, name)
		}
	}
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// mentions are what a pattern finds in the pages, and where.
func mentions(t *testing.T, pattern *regexp.Regexp) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, p := range pages(t) {
		for _, match := range pattern.FindAllStringSubmatch(p.text, -1) {
			if name := match[len(match)-1]; !slices.Contains(found[name], p.path) {
				found[name] = append(found[name], p.path)
			}
		}
	}
	return found
}

// exist fails for each mention that is not one of names.
func exist(t *testing.T, what string, found map[string][]string, names []string) {
	t.Helper()
	if len(found) == 0 {
		t.Fatalf("the pages mention no %s at all", what)
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(names, name) {
			t.Errorf("%s: there is no %s %s", strings.Join(found[name], ", "), what, name)
		}
	}
}
