// Package file is a folder as a place for objects: a key is the path of a file
// below it. It imports package store and nothing else of this module.
//
// An object is written to a hidden file beside its name, forced to the disk and
// only then given the name. Files are readable by their owner alone, since they
// hold people's data.
package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Store is a folder. It may be used by several goroutines, and the folder by
// several processes.
type Store struct {
	dir  string
	gate chan struct{} // one holder of the lock in this process
	tidy sync.Map      // folders whose old temporary files were looked after
}

// New returns the folder dir as a place for objects. The folder is made when the
// first object is written.
func New(dir string) (*Store, error) {
	if dir == "" {
		return nil, errors.New("the folder for objects has no name")
	}
	whole, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	return &Store{dir: whole, gate: make(chan struct{}, 1)}, nil
}

// URL returns the key's address: file:///abs/path/key.
func (s *Store) URL(key string) string {
	path := filepath.ToSlash(filepath.Join(s.dir, filepath.FromSlash(key)))
	if !strings.HasPrefix(path, "/") { // a drive's letter
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Read returns the whole object and its version, the SHA-256 of its bytes. It
// fails with store.ErrNotFound, and with store.ErrTooLarge above store.MaxRead.
func (s *Store) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	body, version, err := s.read(ctx, key)
	if err != nil {
		return nil, "", s.failed(ctx, "read", key, err)
	}
	return body, version, nil
}

func (s *Store) read(ctx context.Context, key string) ([]byte, store.Version, error) {
	opened, size, err := s.open(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = opened.Close() }()
	if size > store.MaxRead {
		return nil, "", store.ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(opened, store.MaxRead+1))
	switch {
	case err != nil:
		return nil, "", err
	case len(body) > store.MaxRead:
		return nil, "", store.ErrTooLarge
	}
	return body, versionOf(body), nil
}

// versionOf makes a version of the content: a file has no other mark that a
// copy or a restored backup would keep.
func versionOf(body []byte) store.Version {
	sum := sha256.Sum256(body)
	return store.Version(hex.EncodeToString(sum[:]))
}

// Open reads the object as a stream. It fails with store.ErrNotFound. ctx governs
// the stream too.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	opened, size, err := s.open(ctx, key)
	if err != nil {
		return nil, s.failed(ctx, "read", key, err)
	}
	return &stream{ctx: ctx, store: s, key: key, file: opened, left: size}, nil
}

func (s *Store) open(ctx context.Context, key string) (*os.File, int64, error) {
	path, err := s.path(key)
	if err != nil {
		return nil, 0, err
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	opened, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist // a folder: other keys begin with this one
	}
	if err != nil {
		_ = opened.Close()
		return nil, 0, err
	}
	return opened, info.Size(), nil
}

// stream is an open object.
type stream struct {
	ctx   context.Context
	store *Store
	key   string
	file  *os.File
	left  int64
}

func (r *stream) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.store.failed(r.ctx, "read", r.key, err)
	}
	n, err := r.file.Read(p)
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		return n, r.store.failed(r.ctx, "read", r.key, io.ErrUnexpectedEOF)
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	}
	return n, r.store.failed(r.ctx, "read", r.key, err)
}

func (r *stream) Close() error { return r.file.Close() }

// Delete removes the object; a missing one is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.remove(ctx, key); err != nil {
		return s.failed(ctx, "delete", key, err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, key string) error {
	path, err := s.path(key)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); missing(err) || err == nil && !info.Mode().IsRegular() {
		return ctx.Err()
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(path); err != nil && !missing(err) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// path returns where the object of a key is.
func (s *Store) path(key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	local := filepath.FromSlash(key)
	switch {
	case !filepath.IsLocal(local): // a name that Windows keeps for a device
		return "", fmt.Errorf("%q cannot be a file's name on this system", key)
	case strings.HasPrefix(filepath.Base(local), ownName):
		return "", fmt.Errorf("%q is not a key: names that begin with %s are kept for this package", key, ownName)
	}
	return filepath.Join(s.dir, local), nil
}

// missing reports whether err says that there is no such file, or that a part of
// its path is a file itself.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
