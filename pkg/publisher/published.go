package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// Published is where the list of a run is at one store.
type Published struct {
	// Root is the URL of the store, without a slash at its end; the keys below
	// are relative to it.
	Root string
	// LatestKey and ManifestKey name what points to the list, and its proof.
	LatestKey, ManifestKey string
	// Manifest is that proof.
	Manifest roll.Manifest
}

// Published reads the manifests of a complete run: one for each store among the
// sinks, in their order, or that of the state store where there is none.
func (p *Publisher) Published(ctx context.Context, result *roll.Result) ([]Published, error) {
	var (
		all []Published
		key string
	)
	stores, below := p.sinks, ""
	if !slices.ContainsFunc(p.sinks, func(s *sink) bool { return isStore(s.kind) }) {
		stores, below = []*sink{p.state}, p.below
	}
	for _, s := range stores {
		if !isStore(s.kind) {
			continue
		}
		at, err := p.world.store(ctx, s, below)
		if err != nil {
			return nil, err
		}
		root := strings.TrimRight(at.URL(""), "/")
		if key == "" {
			key = strings.TrimPrefix(result.Manifest, root+"/")
		}
		body, _, err := at.Read(ctx, key)
		if err != nil {
			return nil, err
		}
		one := Published{Root: root, ManifestKey: key}
		if err := json.Unmarshal(body, &one.Manifest); err != nil {
			return nil, fmt.Errorf("%s is no manifest: %w", at.URL(key), err)
		}
		one.LatestKey = roll.LatestKey(one.Manifest.Tenant)
		all = append(all, one)
	}
	return all, nil
}
