package roll

import (
	"context"
	"fmt"
	"strings"
)

// retainer is a store that marks objects for its own lifecycle rules: what is not
// to be kept may be deleted once it is old enough. Age alone must not decide, or
// the list that latest names would go once no new one has succeeded for long.
type retainer interface {
	Retain(ctx context.Context, key string, keep bool) error
}

// retain marks the objects of a run at one destination, and its manifest. Stores
// that know no marks keep everything.
func (r *run) retain(ctx context.Context, at Store, m *Manifest, keep bool) error {
	marks, ok := at.(retainer)
	if !ok {
		return nil
	}
	keys := []string{"runs/tenant=" + r.Tenant + "/run=" + m.Run + "/manifest.json"}
	for _, o := range m.Objects {
		key, ok := strings.CutPrefix(o.URL, at.URL(""))
		if !ok {
			return fmt.Errorf("the object %s is not at this destination", o.URL)
		}
		keys = append(keys, key)
	}
	for _, key := range keys {
		if err := marks.Retain(ctx, key, keep); err != nil {
			return fmt.Errorf("mark what may be deleted: %w", err)
		}
	}
	return nil
}

// release lets the store delete a run, in time. What goes wrong costs room and
// nothing else, so it is only logged.
func (p *promotion) release(ctx context.Context, name string) {
	m, err := p.manifestOf(ctx, name)
	if err == nil {
		err = p.retain(ctx, p.store, m, false)
	}
	if err != nil {
		p.Log.WarnContext(ctx, "a run that nothing names any more is not marked, and stays", "run", name, "error", err)
	}
}
