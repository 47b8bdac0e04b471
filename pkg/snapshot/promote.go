package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// promotion makes the run of a manifest the latest one at one destination.
type promotion struct {
	store    Store
	tables   bool
	manifest Manifest
	log      *slog.Logger
}

// promote moves history, then latest, then the table of latest, each by
// compare-and-swap. If a newer run is the latest one already, that stays, and its
// name is returned. The table is made from latest whoever wrote it, so the next run
// heals one that broke off in between.
func (p promotion) promote(ctx context.Context) (newer string, err error) {
	last, err := readLatest(ctx, p.store, p.manifest.Tenant)
	if err != nil {
		return "", err
	}
	replaced := ""
	if newer = p.newer(last); newer == "" {
		if err := p.retain(ctx, p.manifest, true); err != nil { // before anything names its parts
			return "", err
		}
		if err := p.moveHistory(ctx); err != nil {
			return "", err
		}
		if newer, replaced, err = p.moveLatest(ctx); err != nil {
			return "", err
		}
	}
	if err := p.moveUsers(ctx); err != nil {
		return "", err
	}
	if replaced != "" {
		p.release(ctx, replaced)
	}
	return newer, nil
}

// newer is the run that is the latest one and newer than this one, "" if there is
// none.
func (p promotion) newer(last *Latest) string {
	if last != nil && baseline.Newer(last.StartedAt, last.Run, p.manifest.StartedAt, p.manifest.Run) {
		return last.Run
	}
	return ""
}

// moveLatest makes latest name this run. It returns the newer run that keeps it from
// that, or the run that it replaced.
func (p promotion) moveLatest(ctx context.Context) (newer, replaced string, err error) {
	key := LatestKey(p.manifest.Tenant)
	body, err := p.manifest.latest(p.store.URL(RunKey(p.manifest.Tenant, p.manifest.Run, ManifestName)))
	if err != nil {
		return "", "", err
	}
	err = store.Update(ctx, p.store, key, func(old []byte) ([]byte, error) {
		newer, replaced = "", ""
		if old == nil {
			return body, nil
		}
		last, err := parseLatest(p.store.URL(key), p.manifest.Tenant, old)
		if err != nil {
			return nil, err
		}
		if newer = p.newer(last); newer != "" || bytes.Equal(old, body) {
			return nil, nil
		}
		if last.Run != p.manifest.Run {
			replaced = last.Run
		}
		return body, nil
	})
	return newer, replaced, err
}

// moveHistory points the table of the run's day to the run, unless a newer run of
// the same day is there.
func (p promotion) moveHistory(ctx context.Context) error {
	if !p.tables {
		return nil
	}
	body := symlink(p.manifest)
	return store.Update(ctx, p.store, historyKey(p.manifest.Tenant, p.manifest.StartedAt), func(old []byte) ([]byte, error) {
		if old != nil && bytes.Equal(old, body) {
			return nil, nil
		}
		there, err := p.target(ctx, old)
		if err != nil {
			return nil, err
		}
		if there != nil && baseline.Newer(there.StartedAt, there.Run, p.manifest.StartedAt, p.manifest.Run) {
			return nil, nil
		}
		return body, nil
	})
}

// moveUsers points the table of latest to what latest says at that moment.
func (p promotion) moveUsers(ctx context.Context) error {
	if !p.tables {
		return nil
	}
	return store.Update(ctx, p.store, usersKey(p.manifest.Tenant), func(old []byte) ([]byte, error) {
		last, err := readLatest(ctx, p.store, p.manifest.Tenant)
		if err != nil || last == nil {
			return nil, err
		}
		m, err := p.readManifest(ctx, last.Run)
		if err != nil {
			return nil, err
		}
		if body := symlink(*m); old == nil || !bytes.Equal(old, body) {
			return body, nil
		}
		return nil, nil
	})
}

// symlink lists the objects of a run as Hive's SymlinkTextInputFormat reads them, one
// URL a line. It is never nil.
func symlink(m Manifest) []byte {
	text := []byte{}
	for _, o := range m.Objects {
		text = append(append(text, o.URL...), '\n')
	}
	return text
}

// target returns the manifest of the run that a symlink points to, nil if that cannot
// be known: the list of an empty filter result has no objects.
func (p promotion) target(ctx context.Context, symlink []byte) (*Manifest, error) {
	first, _, _ := strings.Cut(string(symlink), "\n")
	name, ok := strings.CutPrefix(path.Base(path.Dir(first)), "run=")
	if !ok || !runName.MatchString(name) {
		return nil, nil
	}
	m, err := p.readManifest(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return m, err
}

func (p promotion) readManifest(ctx context.Context, run string) (*Manifest, error) {
	key := RunKey(p.manifest.Tenant, run, ManifestName)
	body, _, err := p.store.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	return parseManifest(p.store.URL(key), p.manifest.Tenant, run, body)
}

// release lets the store delete the parts of a run in time. A failure costs storage
// and nothing else, so it is only logged.
func (p promotion) release(ctx context.Context, run string) {
	m, err := p.readManifest(ctx, run)
	if err == nil {
		err = p.retain(ctx, *m, false)
	}
	if err != nil {
		p.log.WarnContext(ctx, "a run that nothing names any more could not be released and stays", "run", run, "error", err)
	}
}

// retain marks the parts of a run. Every part is created as one that may be deleted once
// it is old enough, whatever becomes of its run; what is promoted is marked to be kept,
// and what it replaces is unmarked.
func (p promotion) retain(ctx context.Context, m Manifest, keep bool) error {
	for _, o := range m.Objects {
		key, ok := strings.CutPrefix(o.URL, p.store.URL(""))
		if !ok {
			return fmt.Errorf("the object %s is not at this destination", o.URL)
		}
		if err := store.Retain(ctx, p.store, key, keep); err != nil {
			return fmt.Errorf("mark what is to be kept: %w", err)
		}
	}
	return nil
}
