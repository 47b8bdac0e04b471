package publisher

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// careless is a store that replaces whatever is there, as one without conditional writes
// does.
type careless struct{ *storetest.Memory }

func (c careless) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	if _, version, err := c.Read(ctx, key); err == nil {
		old = version
	}
	return c.Memory.Swap(ctx, key, body, old)
}

func TestAStoreThatIsTriedIsLeftAsItWas(t *testing.T) {
	memory := storetest.NewMemory()
	if err := tryStore(t.Context(), memory); err != nil || len(memory.Keys()) > 0 {
		t.Errorf("%v, left %q", err, memory.Keys())
	}
	err := tryStore(t.Context(), careless{memory})
	if err == nil || !strings.Contains(err.Error(), "conditional writes") || len(memory.Keys()) > 0 {
		t.Errorf("%v, left %q", err, memory.Keys())
	}
	broken := errors.New("broken")
	for _, op := range []string{"swap", "read", "delete"} {
		faulty := &storetest.Faulty{Store: memory, Before: func(called, _ string) error {
			if called == op {
				return broken
			}
			return nil
		}}
		if err := tryStore(t.Context(), faulty); !errors.Is(err, broken) || op != "delete" && len(memory.Keys()) > 0 {
			t.Errorf("%s fails: %v, left %q", op, err, memory.Keys())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	memory = storetest.NewMemory()
	interrupted := &storetest.Faulty{Store: memory, After: func(string, string) error {
		cancel() // once the object is there
		return nil
	}}
	if err := tryStore(ctx, interrupted); err == nil || len(memory.Keys()) > 0 {
		t.Errorf("interrupted: %v, left %q", err, memory.Keys())
	}
}
