package roll

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// promotion makes a run the latest one at one destination.
type promotion struct {
	*run
	store    Store
	tables   bool
	manifest Manifest
	replaced string // the run that was the latest one before
	newer    string // the run that is the latest one and stays so
}

func (p *promotion) latestKey() string { return LatestKey(p.Tenant) }

func (p *promotion) usersKey() string { return "users/tenant=" + p.Tenant + "/symlink.txt" }

// historyKey names the UTC day on which the run began.
func (p *promotion) historyKey() string {
	return "history/tenant=" + p.Tenant + "/date=" + p.state.StartedAt.UTC().Format(time.DateOnly) + "/symlink.txt"
}

// promote moves history, then latest, then the table of latest, each by
// compare-and-swap. If a newer run is the latest one, that stays. The table is
// made of latest whoever wrote it, so a run that broke off in between is healed
// by the next.
func (p *promotion) promote(ctx context.Context) error {
	last, err := p.latest(ctx)
	if err != nil {
		return err
	}
	if !p.outdone(last) {
		if err := p.retain(ctx, p.manifest, true); err != nil { // before anything names its parts
			return err
		}
		if err := p.moveHistory(ctx); err != nil {
			return err
		}
		if err := p.moveLatest(ctx); err != nil {
			return err
		}
	}
	if err := p.moveUsers(ctx); err != nil {
		return err
	}
	if p.replaced != "" {
		p.release(ctx, p.replaced)
	}
	return nil
}

// outdone notes whether the latest run is newer than this one.
func (p *promotion) outdone(last *Latest) bool {
	p.newer = ""
	if last != nil && newer(last.StartedAt, last.Run, p.state.StartedAt, p.state.Run) {
		p.newer = last.Run
	}
	return p.newer != ""
}

// latest reads what the latest run is, nil if there is none.
func (p *promotion) latest(ctx context.Context) (*Latest, error) {
	body, _, err := p.store.Read(ctx, p.latestKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseLatest(p.store.URL(p.latestKey()), body)
}

func (p *promotion) moveLatest(ctx context.Context) error {
	proof, err := p.manifest.encode()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(proof)
	body, err := json.MarshalIndent(Latest{
		Version: manifestVersion, Tenant: p.Tenant, Run: p.state.Run, StartedAt: p.state.StartedAt, FinishedAt: p.state.Judgement.FinishedAt,
		Users: p.state.Report.Users, Manifest: p.store.URL(p.manifestKey()), ManifestSHA256: hex.EncodeToString(sum[:]),
	}, "", "  ")
	if err != nil {
		return err
	}
	return store.Update(ctx, p.store, p.latestKey(), func(old []byte) ([]byte, error) {
		p.newer, p.replaced = "", ""
		if old == nil {
			return body, nil
		}
		last, err := parseLatest(p.store.URL(p.latestKey()), old)
		if err != nil {
			return nil, err
		}
		if p.outdone(last) || bytes.Equal(old, body) {
			return nil, nil
		}
		if last.Run != p.state.Run {
			p.replaced = last.Run
		}
		return body, nil
	})
}

// moveHistory points the table of the run's day to the run, unless a newer run
// of the same day is there.
func (p *promotion) moveHistory(ctx context.Context) error {
	if !p.tables {
		return nil
	}
	body := symlink(p.manifest)
	return store.Update(ctx, p.store, p.historyKey(), func(old []byte) ([]byte, error) {
		if old != nil && bytes.Equal(old, body) {
			return nil, nil
		}
		there, err := p.pointedTo(ctx, old)
		if err != nil {
			return nil, err
		}
		if there != nil && newer(there.StartedAt, there.Run, p.state.StartedAt, p.state.Run) {
			return nil, nil
		}
		return body, nil
	})
}

// pointedTo returns the manifest of the run that a symlink points to, nil if that
// cannot be told: a list of nobody has no objects.
func (p *promotion) pointedTo(ctx context.Context, symlink []byte) (*Manifest, error) {
	first, _, _ := strings.Cut(string(symlink), "\n")
	name, ok := strings.CutPrefix(path.Base(path.Dir(first)), "run=")
	if !ok {
		return nil, nil
	}
	m, err := p.manifestOf(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return m, err
}

func (p *promotion) manifestOf(ctx context.Context, name string) (*Manifest, error) {
	key := p.runKey(name, manifestName)
	body, _, err := p.store.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil || m.Version != manifestVersion {
		return nil, &StateError{URL: p.store.URL(key), Problem: "it was not written by this version of rollcall", Err: err}
	}
	return &m, nil
}

// moveUsers points the table of latest to what latest says at that moment.
func (p *promotion) moveUsers(ctx context.Context) error {
	if !p.tables {
		return nil
	}
	return store.Update(ctx, p.store, p.usersKey(), func(old []byte) ([]byte, error) {
		last, err := p.latest(ctx)
		if err != nil || last == nil {
			return nil, err
		}
		m, err := p.manifestOf(ctx, last.Run)
		if err != nil {
			return nil, err
		}
		if body := symlink(*m); old == nil || !bytes.Equal(old, body) {
			return body, nil
		}
		return nil, nil
	})
}

// symlink lists the objects of a run as Hive's SymlinkTextInputFormat reads them,
// one URL a line. It is never nil.
func symlink(m Manifest) []byte {
	text := []byte{}
	for _, o := range m.Objects {
		text = append(append(text, o.URL...), '\n')
	}
	return text
}
