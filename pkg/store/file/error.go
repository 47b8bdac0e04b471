package file

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

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
		e.Problem, e.Advice = "this user may not", "give it the folder and the files in it, or choose another folder"
	}
	return e
}
