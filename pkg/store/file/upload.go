package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Create begins the object of a key. ctx governs the whole upload. The upload
// fails with store.ErrConflict at its Commit if the key holds something by then.
func (s *Store) Create(ctx context.Context, key string) (store.Upload, error) {
	path, err := s.path(key)
	if err == nil {
		err = ctx.Err()
	}
	var written *os.File
	if err == nil {
		written, err = s.temporary(path)
	}
	if err != nil {
		return nil, s.failed(ctx, "write", key, err)
	}
	return &upload{ctx: ctx, store: s, key: key, path: path, temp: written.Name(), file: written}, nil
}

// temporaryFile is what an upload needs of its file.
type temporaryFile interface {
	io.WriteCloser
	Sync() error
}

// upload writes to a hidden file, which Commit renames.
type upload struct {
	ctx        context.Context
	store      *Store
	key        string
	path, temp string
	file       temporaryFile
	err        error // how the upload ended, or what broke it
	ended      bool
}

func (u *upload) Write(p []byte) (int, error) {
	if u.ended || u.err != nil {
		return 0, u.fail(store.ErrEnded)
	}
	if err := u.ctx.Err(); err != nil {
		return 0, u.fail(err)
	}
	n, err := u.file.Write(p)
	if err != nil {
		return n, u.fail(err)
	}
	return n, nil
}

func (u *upload) Commit() error {
	if u.ended || u.err != nil {
		return u.fail(store.ErrEnded)
	}
	if err := u.ctx.Err(); err != nil {
		return u.fail(err)
	}
	if err := u.file.Sync(); err != nil {
		return u.fail(err)
	}
	if err := u.file.Close(); err != nil {
		return u.fail(err)
	}
	if err := u.store.publish(u.ctx, u.temp, u.path); err != nil {
		return u.fail(err)
	}
	u.ended = true
	return nil
}

func (u *upload) Abort() {
	if !u.ended {
		_ = u.fail(store.ErrEnded)
	}
}

// fail ends the upload and removes what it wrote. The first reason stays.
func (u *upload) fail(err error) error {
	if u.err == nil {
		u.err = u.store.failed(u.ctx, "write", u.key, err)
	}
	if !u.ended {
		u.ended = true
		_ = u.file.Close()
		_ = os.Remove(u.temp)
	}
	return u.err
}

// publish renames a finished temporary file, unless the name is taken.
func (s *Store) publish(ctx context.Context, temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		_ = os.Remove(temp)
		return syncDir(filepath.Dir(path))
	case errors.Is(err, fs.ErrExist):
		return err
	}
	// A file system without links: the lock keeps other writers out between the check
	// and the renaming.
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return renameNew(temp, path)
}

// renameNew renames unless the name is taken. The caller has the lock.
func renameNew(temp, path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fs.ErrExist
	case !missing(err):
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
