package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// lockName is the file in the store's folder that is locked while an object is
// replaced. The system unlocks it when a process ends, however it ends.
const lockName = ownName + ".lock"

// Swap replaces the version old of an object, or makes the object if old is "".
// It fails with store.ErrConflict if the key holds another version. It returns the
// new version.
func (s *Store) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	if err := s.swap(ctx, key, body, old); err != nil {
		return "", s.failed(ctx, "swap", key, err)
	}
	return versionOf(body), nil
}

func (s *Store) swap(ctx context.Context, key string, body []byte, old store.Version) error {
	path, err := s.path(key)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	temp, err := s.write(path, body)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }() // gone already once it was renamed
	if old == "" {
		return s.publish(ctx, temp, path)
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, current, err := s.read(ctx, key)
	switch {
	case missing(err), err == nil && current != old:
		return store.ErrConflict
	case err != nil:
		return err
	}
	if err := replace(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// write puts body into a temporary file beside path and syncs it to the disk.
func (s *Store) write(path string, body []byte) (temp string, err error) {
	written, err := s.temporary(path)
	if err != nil {
		return "", err
	}
	_, err = written.Write(body)
	if err == nil {
		err = written.Sync()
	}
	if err = errors.Join(err, written.Close()); err != nil {
		_ = os.Remove(written.Name())
		return "", err
	}
	return written.Name(), nil
}

// lock waits until no other writer replaces an object in this folder.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err // without leaving anything in a folder that its owner may remove now
	}
	select {
	case s.mutex <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type outcome struct {
		file *lockedfile.File
		err  error
	}
	got := make(chan outcome, 1)
	go func() {
		if err := makeDir(s.dir); err != nil {
			got <- outcome{err: err}
			return
		}
		file, err := lockedfile.OpenFile(filepath.Join(s.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
		got <- outcome{file, err}
	}()
	release := func(file *lockedfile.File) {
		_ = file.Close()
		<-s.mutex
	}
	select {
	case o := <-got:
		if o.err != nil {
			<-s.mutex
			return nil, o.err
		}
		return func() { release(o.file) }, nil
	case <-ctx.Done():
		// The system's lock knows no context: it is released once it is obtained.
		go func() {
			if o := <-got; o.err == nil {
				release(o.file)
			} else {
				<-s.mutex
			}
		}()
		return nil, ctx.Err()
	}
}
