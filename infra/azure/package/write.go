package main

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// handlerName is the file that host.json starts.
const handlerName = "handler"

// file is one of the zip file.
type file struct {
	name    string // with slashes
	mode    fs.FileMode
	content []byte
}

// collect reads what belongs into the zip file, in the order of its names: host.json and
// <function>/function.json of the folder, and the handler. Go files stay behind; any other
// file or folder is an error, as it would be missing where somebody expects it.
func collect(folder, handler string) ([]file, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "host.json":
			names = append(names, name)
		case e.IsDir() && name != "testdata":
			if err := alone(filepath.Join(folder, name), "function.json"); err != nil {
				return nil, err
			}
			names = append(names, path.Join(name, "function.json"))
		case name != "testdata" && path.Ext(name) != ".go":
			return nil, fmt.Errorf("%s is neither host.json nor the folder of a function nor Go", filepath.Join(folder, name))
		}
	}
	if !slices.Contains(names, "host.json") || len(names) == 1 {
		return nil, fmt.Errorf("%s has no host.json, or no function", folder)
	}
	files := make([]file, 0, len(names)+1)
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name))) //nolint:gosec // whoever calls names the folder
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, 0o644, content})
	}
	program, err := os.ReadFile(handler) //nolint:gosec // whoever calls names it
	if err != nil {
		return nil, fmt.Errorf("the built handler: %w", err)
	}
	files = append(files, file{handlerName, 0o755, program})
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return files, nil
}

// alone makes sure that a folder has one file and nothing else.
func alone(folder, name string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	if len(entries) != 1 || entries[0].Name() != name || !entries[0].Type().IsRegular() {
		return errors.New(folder + " is to have " + name + " and nothing else")
	}
	return nil
}

// written is the time of all files, the earliest that the format has.
func written() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

// write writes a zip file.
func write(w io.Writer, files []file) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: written()}
		h.SetMode(f.mode)
		part, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.content); err != nil {
			return err
		}
	}
	return z.Close()
}
