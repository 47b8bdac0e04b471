package bus

import "context"

// batch is a request in the making: entries whose texts lie one after the other
// in one buffer, which the next batch uses again.
type batch struct {
	entries []Entry
	text    []byte
	ends    []int // where each entry's text ends
	bytes   int   // as the service counts
	orders  map[string]struct{}
}

// keep is the largest buffer that a batch keeps for the next one.
const keep = 1 << 20

func newBatch() *batch { return &batch{orders: map[string]struct{}{}} }

// fits reports whether the service takes the entry together with those there. No
// batch holds a subject twice: were the first of the two refused and the second
// taken, their order would be lost.
func (b *batch) fits(e *Entry, order string, limits Limits) bool {
	if len(b.entries) == limits.Entries || b.bytes+e.size > limits.Bytes {
		return false
	}
	_, twice := b.orders[order]
	return !twice
}

func (b *batch) add(e Entry, order string, text []byte) {
	b.entries = append(b.entries, e)
	b.text = append(b.text, text...)
	b.ends = append(b.ends, len(b.text))
	b.bytes += e.size
	b.orders[order] = struct{}{}
}

// close gives every entry its text. The buffer has stopped moving.
func (b *batch) close() {
	start := 0
	for i, end := range b.ends {
		b.entries[i].Body = b.text[start:end:end]
		start = end
	}
}

func (b *batch) reset() {
	clear(b.entries)
	clear(b.orders)
	b.entries, b.text, b.ends, b.bytes = b.entries[:0], b.text[:0], b.ends[:0], 0
	if cap(b.text) > keep {
		b.text = nil
	}
}

// fleet lends the batches, of which there are one more than may be under way:
// the one that is being filled.
type fleet struct {
	idle  chan *batch
	slots chan struct{}
}

func newFleet(inFlight int) *fleet {
	f := &fleet{idle: make(chan *batch, inFlight+1), slots: make(chan struct{}, inFlight)}
	for range inFlight + 1 {
		f.idle <- newBatch()
	}
	return f
}

// take returns an empty batch, once there is one.
func (f *fleet) take(ctx context.Context) (*batch, error) {
	select {
	case b := <-f.idle:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// depart waits until one more batch may be under way.
func (f *fleet) depart(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case f.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// land takes back a batch that departed.
func (f *fleet) land(b *batch) {
	b.reset()
	f.idle <- b
	<-f.slots
}

// wait returns once no batch is under way.
func (f *fleet) wait(ctx context.Context) error {
	for i := range cap(f.slots) {
		if err := f.depart(ctx); err != nil {
			f.free(i)
			return err
		}
	}
	f.free(cap(f.slots))
	return nil
}

func (f *fleet) free(n int) {
	for range n {
		<-f.slots
	}
}
