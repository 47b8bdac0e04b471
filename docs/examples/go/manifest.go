package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"
)

// latest names the current run. The digest ties it to one manifest.
type latest struct {
	Version        int       `json:"version"`
	Tenant         string    `json:"tenant"`
	Run            string    `json:"run"`
	StartedAt      time.Time `json:"startedAt"`
	Users          int       `json:"users"`
	ManifestSHA256 string    `json:"manifestSha256"`
}

// manifest is the part of a manifest that this example reads.
type manifest struct {
	Version     int      `json:"version"`
	Tenant      string   `json:"tenant"`
	Run         string   `json:"run"`
	Status      string   `json:"status"`
	Users       int      `json:"users"`
	Format      string   `json:"format"`
	Compression string   `json:"compression"`
	Suspicions  []string `json:"suspicions"`
	Objects     []object `json:"objects"`
}

type object struct {
	URL    string `json:"url"`
	Users  int    `json:"users"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// current reads latest and its manifest, and checks that they belong together.
func current(ctx context.Context, s store, key string) (*latest, *manifest, error) {
	text, err := whole(ctx, s, key)
	if err != nil {
		return nil, nil, err
	}
	var l latest
	if err := json.Unmarshal(text, &l); err != nil || l.Version != 1 {
		return nil, nil, fmt.Errorf("%s is not a latest snapshot of a version that this example supports", key)
	}
	// Validate what becomes part of a path.
	if !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(l.Tenant) || !regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}$`).MatchString(l.Run) {
		return nil, nil, fmt.Errorf("%s contains no valid tenant and run", key)
	}
	if text, err = whole(ctx, s, l.directory()+"manifest.json"); err != nil {
		return nil, nil, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != l.ManifestSHA256 {
		return nil, nil, fmt.Errorf("run %s: the manifest is not the one that latest names: it was changed", l.Run)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, nil, fmt.Errorf("run %s: the manifest: %w", l.Run, err)
	}
	return &l, &m, m.check(&l)
}

func (m *manifest) check(l *latest) error {
	switch {
	case m.Version != 1:
		return fmt.Errorf("run %s: the manifest has version %d, and this example supports 1", l.Run, m.Version)
	case m.Tenant != l.Tenant || m.Run != l.Run || m.Users != l.Users:
		return fmt.Errorf("run %s: the manifest is that of another run", l.Run)
	case m.Status != "complete":
		return fmt.Errorf("run %s: the list is %s, not complete: %s", l.Run, m.Status, strings.Join(m.Suspicions, "; "))
	case m.Format != "ndjson":
		return fmt.Errorf("run %s: this example reads ndjson, not %s", l.Run, m.Format)
	}
	return nil
}

func (l *latest) directory() string { return "runs/tenant=" + l.Tenant + "/run=" + l.Run + "/" }

// key returns the key of an object in the store that is being read. It ignores where
// the URL points, so a copy of a store can be read, and no URL leads out of it.
func (l *latest) key(o object) (string, error) {
	folder, name := path.Split(o.URL)
	if !strings.HasSuffix(folder, "/"+l.directory()) {
		return "", fmt.Errorf("the manifest names an object that is not of this run: %s", o.URL)
	}
	return l.directory() + name, nil
}

// whole reads a small object.
func whole(ctx context.Context, s store, key string) ([]byte, error) {
	body, err := s.open(ctx, key)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(body, 64<<20))
	if err := body.Close(); err != nil {
		return nil, err
	}
	return text, err
}
