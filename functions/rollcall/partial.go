package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// partialFile is a file that is being written under another name in the same
// folder, so that its real name never stands for half a list.
type partialFile struct {
	folder  *os.Root
	file    *os.File
	name    string // under which it will appear
	partial string
}

// createPartial starts the file that will be path. Only the owner may read it,
// unless it replaces a file: then whoever could read that.
func createPartial(path string) (*partialFile, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // replace what a link points to, not the link
	}
	mode := fs.FileMode(0o600)
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil, &usageError{fmt.Sprintf("--output %s is a folder; name a file in it", path)}
	case err == nil && !info.Mode().IsRegular():
		return nil, &usageError{fmt.Sprintf("--output %s is not a file that can be replaced; write to stdout instead: rollcall list > %s", path, path)}
	case err == nil:
		mode = info.Mode().Perm()
	}
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("--output: %w; make the folder first", err)
	}
	f := &partialFile{folder: folder, name: filepath.Base(path)}
	f.partial = fmt.Sprintf("%s.partial-%08x", f.name, rand.Uint32())
	if f.file, err = folder.OpenFile(f.partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("--output: %w; choose a folder that you may write to", err), folder.Close())
	}
	return f, nil
}

// Write appends to the file.
func (f *partialFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		err = &writeError{where: f.name, err: err}
	}
	return n, err
}

// commit makes the file durable and then gives it its name.
func (f *partialFile) commit() error {
	if err := errors.Join(f.file.Sync(), f.file.Close()); err != nil {
		return &writeError{where: f.name, err: err}
	}
	if err := f.folder.Rename(f.partial, f.name); err != nil {
		return &writeError{where: f.name, err: err}
	}
	f.syncFolder()
	return f.folder.Close()
}

// syncFolder makes the new name durable. Not every system can; the content is
// safe all the same.
func (f *partialFile) syncFolder() {
	folder, err := f.folder.Open(".")
	if err != nil {
		return
	}
	_ = folder.Sync()
	_ = folder.Close()
}

// discard removes the file. What is in the way of that has been told already.
func (f *partialFile) discard() {
	_ = f.file.Close()
	_ = f.folder.Remove(f.partial)
	_ = f.folder.Close()
}
