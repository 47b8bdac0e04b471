package storetest

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Call is one call of a store, or of an upload that it made.
type Call struct {
	// Op is create, write, commit, abort, read, open, swap or delete.
	Op string
	// Key is the object's.
	Key string
}

// Faulty is a store whose calls can be made to fail. Its fields are
// set before its first use; it may be used by several goroutines, and then so may
// Before and After.
type Faulty struct {
	// Store is the store that does the work.
	Store Store
	// Before, if any, is called ahead of each call; an error of it is returned
	// instead of making the call. A test that kills a run at a boundary of calls does
	// it here.
	Before func(op, key string) error
	// After, if any, is called after each call that succeeded; an error of it is
	// returned in place of the result, as when a reply is lost. (A create whose reply
	// is lost is aborted, since nobody else could. An abort returns no error.)
	After func(op, key string) error

	mu    sync.Mutex
	calls []Call
}

// Calls returns the calls so far, in the order in which they began; those that
// Before refused are among them.
func (f *Faulty) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *Faulty) before(op, key string) error {
	f.mu.Lock()
	f.calls = append(f.calls, Call{op, key})
	f.mu.Unlock()
	if f.Before == nil {
		return nil
	}
	return f.Before(op, key)
}

func (f *Faulty) after(op, key string) error {
	if f.After == nil {
		return nil
	}
	return f.After(op, key)
}

// URL returns the key's address in Store.
func (f *Faulty) URL(key string) string { return f.Store.URL(key) }

// Create begins an object.
func (f *Faulty) Create(ctx context.Context, key string) (store.Upload, error) {
	if err := f.before("create", key); err != nil {
		return nil, err
	}
	u, err := f.Store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := f.after("create", key); err != nil {
		u.Abort()
		return nil, err
	}
	return &faultyUpload{store: f, key: key, upload: u}, nil
}

// Read returns an object and its version.
func (f *Faulty) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	if err := f.before("read", key); err != nil {
		return nil, "", err
	}
	body, version, err := f.Store.Read(ctx, key)
	if err == nil {
		err = f.after("read", key)
	}
	if err != nil {
		return nil, "", err
	}
	return body, version, nil
}

// Open returns an object as a stream.
func (f *Faulty) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := f.before("open", key); err != nil {
		return nil, err
	}
	opened, err := f.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := f.after("open", key); err != nil {
		_ = opened.Close()
		return nil, err
	}
	return opened, nil
}

// Swap replaces the version old of an object.
func (f *Faulty) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	if err := f.before("swap", key); err != nil {
		return "", err
	}
	version, err := f.Store.Swap(ctx, key, body, old)
	if err == nil {
		err = f.after("swap", key)
	}
	if err != nil {
		return "", err
	}
	return version, nil
}

// Delete removes an object.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	if err := f.before("delete", key); err != nil {
		return err
	}
	if err := f.Store.Delete(ctx, key); err != nil {
		return err
	}
	return f.after("delete", key)
}

// faultyUpload is an upload whose calls can be made to fail.
type faultyUpload struct {
	store  *Faulty
	key    string
	upload store.Upload
}

func (u *faultyUpload) Write(p []byte) (int, error) {
	if err := u.store.before("write", u.key); err != nil {
		return 0, err
	}
	n, err := u.upload.Write(p)
	if err == nil {
		err = u.store.after("write", u.key)
	}
	return n, err
}

func (u *faultyUpload) Commit() error {
	if err := u.store.before("commit", u.key); err != nil {
		return err
	}
	if err := u.upload.Commit(); err != nil {
		return err
	}
	return u.store.after("commit", u.key)
}

func (u *faultyUpload) Abort() {
	if u.store.before("abort", u.key) != nil {
		return
	}
	u.upload.Abort()
	_ = u.store.after("abort", u.key)
}
