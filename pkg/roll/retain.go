package roll

import (
	"context"
	"fmt"
	"strings"
)

// retainer is a store that marks objects for its own lifecycle rules: every part is
// born as one that may be deleted once it is old enough, whatever becomes of its
// run. What is promoted is marked to be kept, and what it takes the place of is
// not any more. Age alone must not decide, or the list that latest names would go
// once no new one has succeeded for long.
type retainer interface {
	Retain(ctx context.Context, key string, keep bool) error
}

// release lets the store delete the parts of a run, in time. What goes wrong
// costs room and nothing else, so it is only logged.
func (p *promotion) release(ctx context.Context, name string) {
	m, err := p.manifestOf(ctx, name)
	if err == nil {
		err = p.retain(ctx, *m, false)
	}
	if err != nil {
		p.Log.WarnContext(ctx, "a run that nothing names any more is not marked, and stays", "run", name, "error", err)
	}
}

// retain marks the parts of a run. Stores that know no marks keep everything.
func (p *promotion) retain(ctx context.Context, m Manifest, keep bool) error {
	marks, ok := p.store.(retainer)
	if !ok {
		return nil
	}
	for _, o := range m.Objects {
		key, ok := strings.CutPrefix(o.URL, p.store.URL(""))
		if !ok {
			return fmt.Errorf("the object %s is not at this destination", o.URL)
		}
		if err := marks.Retain(ctx, key, keep); err != nil {
			return fmt.Errorf("mark what is to be kept: %w", err)
		}
	}
	return nil
}
