package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Memory is a store in memory. It keeps the promises of package store, never waits,
// and uses no file and no socket, so that it works under testing/synctest.
type Memory struct {
	mu      sync.Mutex
	objects map[string]object
	writes  int // versions given so far
	pending int // uploads neither committed nor aborted
}

type object struct {
	body    []byte
	version store.Version
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{objects: map[string]object{}} }

// URL returns memory:///key.
func (m *Memory) URL(key string) string { return "memory:///" + key }

// Keys returns the keys that hold an object, sorted.
func (m *Memory) Keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

// Folders returns the names directly below a key that have objects below them.
func (m *Memory) Folders(ctx context.Context, key string, most int) ([]string, error) {
	if err := errors.Join(ctx.Err(), store.CheckKey(key)); err != nil {
		return nil, m.failed("list", key, err)
	}
	names := store.NewLast(most)
	previous := ""
	for _, each := range m.Keys() {
		if rest, ok := strings.CutPrefix(each, key+"/"); ok {
			if name, _, below := strings.Cut(rest, "/"); below && name != previous {
				names.Add(name)
				previous = name
			}
		}
	}
	return names.All(), nil
}

// Pending returns how many uploads were neither committed nor aborted.
func (m *Memory) Pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pending
}

// Read returns a copy of an object and its version.
func (m *Memory) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	found, err := m.find(ctx, key)
	if err == nil && len(found.body) > store.MaxRead {
		err = store.ErrTooLarge
	}
	if err != nil {
		return nil, "", m.failed("read", key, err)
	}
	return bytes.Clone(found.body), found.version, nil
}

// Open returns an object as a stream.
func (m *Memory) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	found, err := m.find(ctx, key)
	if err != nil {
		return nil, m.failed("read", key, err)
	}
	return &memoryStream{ctx: ctx, memory: m, key: key, body: bytes.NewReader(found.body)}, nil
}

func (m *Memory) find(ctx context.Context, key string) (object, error) {
	if err := check(ctx, key); err != nil {
		return object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.objects[key]
	if !ok {
		return object{}, store.ErrNotFound
	}
	return found, nil
}

// Swap replaces the version old of an object.
func (m *Memory) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	if err := check(ctx, key); err != nil {
		return "", m.failed("swap", key, err)
	}
	version, err := m.put(key, bytes.Clone(body), old)
	if err != nil {
		return "", m.failed("swap", key, err)
	}
	return version, nil
}

func (m *Memory) put(key string, body []byte, old store.Version) (store.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[key].version != old {
		return "", store.ErrConflict
	}
	m.writes++
	version := store.Version("v" + strconv.Itoa(m.writes))
	m.objects[key] = object{body, version}
	return version, nil
}

// Delete removes an object.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return m.failed("delete", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

// Create begins an object.
func (m *Memory) Create(ctx context.Context, key string) (store.Upload, error) {
	if err := check(ctx, key); err != nil {
		return nil, m.failed("write", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending++
	return &memoryUpload{ctx: ctx, memory: m, key: key}, nil
}

func (m *Memory) failed(op, key string, err error) error {
	return &store.Error{Op: op, URL: m.URL(key), Err: err}
}

func check(ctx context.Context, key string) error {
	if err := store.CheckKey(key); err != nil {
		return err
	}
	return ctx.Err()
}

// memoryStream is an open object.
type memoryStream struct {
	ctx    context.Context
	memory *Memory
	key    string
	body   *bytes.Reader
}

func (r *memoryStream) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.memory.failed("read", r.key, err)
	}
	return r.body.Read(p)
}

func (r *memoryStream) Close() error { return nil }

// memoryUpload keeps what is written until Commit.
type memoryUpload struct {
	ctx    context.Context
	memory *Memory
	key    string
	body   bytes.Buffer
	ended  bool
	err    error
}

func (u *memoryUpload) Write(p []byte) (int, error) {
	if err := u.state(); err != nil {
		return 0, err
	}
	return u.body.Write(p)
}

func (u *memoryUpload) Commit() error {
	if err := u.state(); err != nil {
		return err
	}
	u.end()
	if _, err := u.memory.put(u.key, bytes.Clone(u.body.Bytes()), ""); err != nil {
		u.err = u.memory.failed("write", u.key, err)
	}
	return u.err
}

func (u *memoryUpload) Abort() { u.end() }

// state returns why the upload accepts no more, or nil.
func (u *memoryUpload) state() error {
	switch {
	case u.err != nil:
	case u.ended:
		return u.memory.failed("write", u.key, store.ErrEnded)
	case u.ctx.Err() != nil:
		u.err = u.memory.failed("write", u.key, u.ctx.Err())
		u.end()
	}
	return u.err
}

func (u *memoryUpload) end() {
	if u.ended {
		return
	}
	u.ended = true
	u.memory.mu.Lock()
	defer u.memory.mu.Unlock()
	u.memory.pending--
}
