// Package published reads what package snapshot has published, and finds out whether it is
// whole: the manifest, the objects that it names, and everybody in them. Whatever they hold,
// memory does not grow with it. Nothing that it says names a person.
package published

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Store is what reading a snapshot needs of a store.
type Store interface {
	Read(ctx context.Context, key string) ([]byte, store.Version, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	URL(key string) string
}

// Snapshot is a manifest, and where its objects are.
type Snapshot struct {
	// Manifest is what is said of the list. Objects may not be what it says.
	Manifest snapshot.Manifest
	// URL is that of the manifest.
	URL string
	// Latest is by what it was found, nil if the manifest itself was named.
	Latest *snapshot.Latest

	store  Store
	folder string // of the objects, with a slash at its end unless it is empty
}

// Error is a manifest, or a pointer to the latest one, that cannot be used.
type Error struct {
	// Check is what was looked at: [CheckLatest] or [CheckManifest].
	Check string
	// Problems say what is wrong.
	Problems []string
	// Missing says that it does not exist.
	Missing bool
}

// Error names what was looked at and what is wrong with it.
func (e *Error) Error() string { return e.Check + ": " + strings.Join(e.Problems, "; ") }

// Name returns the public name of a list that is not whole.
func (e *Error) Name() string { return "Snapshot.Incomplete" }

// Find reads a manifest, given by its key or by that of the pointer to the latest one, and
// checks what can be checked without its objects. The error is an [*Error], or that of the
// store.
func Find(ctx context.Context, at Store, key string) (*Snapshot, error) {
	s := &Snapshot{store: at}
	if tenant, ok := latestOf(key); ok {
		body, err := read(ctx, at, CheckLatest, key)
		if err != nil {
			return nil, err
		}
		if s.Latest, err = parseLatest(at.URL(key), tenant, body); err != nil {
			return nil, err
		}
		key = path.Join(path.Dir(path.Dir(key)), snapshot.RunKey(tenant, s.Latest.Run, snapshot.ManifestName))
	}
	body, err := read(ctx, at, CheckManifest, key)
	if err != nil {
		return nil, err
	}
	s.URL = at.URL(key)
	if folder := path.Dir(key); folder != "." {
		s.folder = folder + "/"
	}
	if sum := sha256.Sum256(body); s.Latest != nil && hex.EncodeToString(sum[:]) != s.Latest.ManifestSHA256 {
		return nil, &Error{Check: CheckLatest, Problems: []string{s.URL + " is not the manifest that latest names: its SHA-256 is " + hex.EncodeToString(sum[:])}}
	}
	if err := s.parse(body); err != nil {
		return nil, err
	}
	if problems := s.rules(); len(problems) > 0 {
		return nil, &Error{Check: CheckManifest, Problems: problems}
	}
	return s, nil
}

// read reads a small object.
func read(ctx context.Context, at Store, check, key string) ([]byte, error) {
	body, _, err := at.Read(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, &Error{Check: check, Problems: []string{at.URL(key) + " does not exist"}, Missing: true}
	case errors.Is(err, store.ErrTooLarge):
		return nil, &Error{Check: check, Problems: []string{at.URL(key) + " is larger than any that is written"}}
	}
	return body, err
}

// latestOf returns the tenant of whose latest list a key is the pointer.
func latestOf(key string) (tenant string, ok bool) {
	folder, name := path.Split(key)
	tenant, isJSON := strings.CutSuffix(name, ".json")
	tenant, isTenant := strings.CutPrefix(tenant, "tenant=")
	return tenant, isJSON && isTenant && (folder == "latest/" || strings.HasSuffix(folder, "/latest/")) && guid.Valid(tenant)
}

func parseLatest(url, tenant string, body []byte) (*snapshot.Latest, error) {
	var l snapshot.Latest
	wrong := func(problem string) (*snapshot.Latest, error) {
		return nil, &Error{Check: CheckLatest, Problems: []string{url + " " + problem}}
	}
	switch err := decode(body, &l); {
	case err != nil:
		return wrong(err.Error())
	case l.Version != snapshot.ManifestVersion:
		return wrong(fmt.Sprintf("has version %d, and this version of rollcall reads %d", l.Version, snapshot.ManifestVersion))
	case l.Tenant != tenant:
		return wrong("is that of another tenant than its name says")
	case !snapshot.IsRun(l.Run):
		return wrong("names no run")
	}
	return &l, nil
}

// decode reads JSON in which every name is there once, spelled as it is written: of two,
// readers choose differently.
func decode(body []byte, to any) error {
	err := json.Unmarshal(body, to)
	var kind *json.SemanticError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("has a value of another type at %q", kind.JSONPointer)
	case err != nil:
		return errors.New("is not JSON, or has a name twice")
	}
	return nil
}

func (s *Snapshot) parse(body []byte) error {
	m := &s.Manifest
	wrong := ""
	switch err := decode(body, m); {
	case err != nil:
		wrong = err.Error()
	case m.Version != snapshot.ManifestVersion:
		wrong = fmt.Sprintf("has version %d, and this version of rollcall reads %d", m.Version, snapshot.ManifestVersion)
	}
	if wrong != "" {
		return &Error{Check: CheckManifest, Problems: []string{s.URL + " " + wrong}}
	}
	return nil
}

// key returns the key of an object. It ignores where the URL points to, so that a copy of a
// store can be read, and no URL leads out of the folder of the run.
func (s *Snapshot) key(o snapshot.Object) (string, error) {
	folder, name := path.Split(o.URL)
	if !strings.HasSuffix(folder, "/"+snapshot.RunKey(s.Manifest.Tenant, s.Manifest.Run, "")) || store.CheckKey(name) != nil {
		return "", errors.New("is not an object of this run")
	}
	return s.folder + name, nil
}
