package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/rollcall-dev/rollcall/infra/archive"
)

// handlerName is the file that host.json starts.
const handlerName = "handler"

// collect reads what belongs into the zip file, in the order of its names: host.json and
// <function>/function.json of the folder, and the handler. Go files stay behind; any other
// file or folder is an error, as it would be missing where somebody expects it.
func collect(folder, handler string) ([]archive.File, error) {
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
	files := make([]archive.File, 0, len(names)+1)
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name))) //nolint:gosec // whoever calls names the folder
		if err != nil {
			return nil, err
		}
		files = append(files, archive.File{Name: name, Mode: 0o644, Content: content})
	}
	program, err := os.ReadFile(handler) //nolint:gosec // whoever calls names it
	if err != nil {
		return nil, fmt.Errorf("the built handler: %w", err)
	}
	files = append(files, archive.File{Name: handlerName, Mode: 0o755, Content: program})
	archive.Sort(files)
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
