// Package file is a store in a folder: a key is the path of a file below it.
//
// An object is written to a hidden file beside its final name, synced to the disk
// and only then renamed. Files are readable by their owner alone, since they hold
// people's data.
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
	dir   string
	mutex chan struct{} // of capacity one: who in this process may take the lock
	swept sync.Map      // folders whose old temporary files were removed
}

// Config is a folder.
type Config struct {
	// Dir is its path.
	Dir string
}

// Parse reads the address of a folder: // and its absolute path, escaped as in a
// URL.
func Parse(address string) (Config, error) {
	escaped, found := strings.CutPrefix(address, "//")
	dir, err := url.PathUnescape(escaped)
	if !found || err != nil || !strings.HasPrefix(dir, "/") {
		return Config{}, errors.New("is not of the form file:///folder")
	}
	if local := strings.TrimPrefix(dir, "/"); filepath.VolumeName(local) != "" {
		dir = local // a drive of Windows: file:///C:/folder
	}
	return Config{Dir: filepath.Clean(filepath.FromSlash(dir))}, nil // one name for one folder
}

// String returns file:///abs/path.
func (c Config) String() string { return address(c.Dir) }

// New returns a store in the folder dir. The folder is made when the first object
// is written.
func New(dir string) (*Store, error) {
	if dir == "" {
		return nil, errors.New("the folder for objects has no name")
	}
	whole, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	return &Store{dir: whole, mutex: make(chan struct{}, 1)}, nil
}

// URL returns the key's address: file:///abs/path/key.
func (s *Store) URL(key string) string {
	return address(filepath.Join(s.dir, filepath.FromSlash(key)))
}

// address returns the URL of a path.
func address(path string) string {
	path = filepath.ToSlash(path)
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
	body, err := store.ReadAll(opened, size)
	if err != nil {
		return nil, "", err
	}
	return body, versionOf(body), nil
}

// versionOf makes a version of the content: nothing else about a file survives a
// copy or a restored backup.
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

// path returns the path of a key's object.
func (s *Store) path(key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	local := filepath.FromSlash(key)
	switch {
	case !filepath.IsLocal(local): // a name that Windows reserves for a device
		return "", fmt.Errorf("%q cannot be a file's name on this system", key)
	case strings.HasPrefix(filepath.Base(local), ownName):
		return "", fmt.Errorf("%q is not a key: names that begin with %s are reserved for this package", key, ownName)
	}
	return filepath.Join(s.dir, local), nil
}

// missing reports whether err says that there is no such file, or that a part of
// its path is a file itself.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// failed makes the error of an operation: what happened, where, what to do next.
func (s *Store) failed(ctx context.Context, op, key string, err error) error {
	e := &store.Error{Op: op, URL: s.URL(key), Err: err}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrTooLarge), errors.Is(err, store.ErrEnded):
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.Is(err, fs.ErrExist):
		e.Err = store.ErrConflict
	case op == "read" && missing(err):
		e.Err = store.ErrNotFound
	case full(err):
		e.Problem, e.Advice = "the disk is full", "make room, or choose a folder on another disk"
	case errors.Is(err, syscall.EFBIG):
		e.Problem, e.Advice = "the file is too large for this file system or this process", "choose another folder, or raise the limit (ulimit -f)"
	case errors.Is(err, syscall.EROFS):
		e.Problem, e.Advice = "the file system is read-only", "choose another folder"
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Advice = "this user has no permission", "give it the folder and the files in it, or choose another folder"
	}
	return e
}
