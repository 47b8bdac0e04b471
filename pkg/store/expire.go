package store

import "context"

// marker is a store that marks objects for its own lifecycle rules, by which they are
// deleted once they are old. Age alone must not decide: what the latest list is made of
// stays, however long no newer one succeeds.
type marker interface {
	SwapExpendable(ctx context.Context, key string, body []byte, old Version) (Version, error)
	Retain(ctx context.Context, key string, keep bool) error
}

// Expendable is a store whose lifecycle rules may delete what Swap writes, unless it is
// retained or swapped by the store itself later. A store without such rules keeps it.
type Expendable struct{ Swapper }

// Swap is that of the store.
func (e Expendable) Swap(ctx context.Context, key string, body []byte, old Version) (Version, error) {
	if marks, ok := e.Swapper.(marker); ok {
		return marks.SwapExpendable(ctx, key, body, old)
	}
	return e.Swapper.Swap(ctx, key, body, old)
}

// Retain marks an object to be kept, or to be deleted once it is old. A store without
// lifecycle rules keeps everything.
func Retain(ctx context.Context, at any, key string, keep bool) error {
	if marks, ok := at.(marker); ok {
		return marks.Retain(ctx, key, keep)
	}
	return nil
}
