package bus

import "context"

// batch is a request in the making: entries whose texts lie one after the other
// in one buffer, which later batches reuse.
type batch struct {
	entries []Entry
	text    []byte
	ends    []int // where each entry's text ends
	bytes   int   // as the service counts
	orders  map[string]struct{}
}

// maxKept is the largest buffer that is kept for reuse.
const maxKept = 1 << 20

func newBatch() *batch { return &batch{orders: map[string]struct{}{}} }

// fits reports whether the service accepts the entry in this batch. No
// batch has a subject twice: if the first of the two were refused and the second
// accepted, their order would be lost.
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

// close gives every entry its text, once the buffer no longer moves.
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
	if cap(b.text) > maxKept {
		b.text = nil
	}
}

// pool bounds the requests in flight, and reuses their batches: one more than may
// be in flight, which is the one that is being filled.
type pool struct {
	idle  chan *batch
	slots chan struct{}
}

func newPool(inFlight int) *pool {
	p := &pool{idle: make(chan *batch, inFlight+1), slots: make(chan struct{}, inFlight)}
	for range inFlight + 1 {
		p.idle <- newBatch()
	}
	return p
}

// take returns an empty batch, once there is one.
func (p *pool) take(ctx context.Context) (*batch, error) {
	select {
	case b := <-p.idle:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// acquire waits until one more batch may be in flight.
func (p *pool) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// release takes back a batch whose slot was acquired.
func (p *pool) release(b *batch) {
	b.reset()
	p.idle <- b
	<-p.slots
}

// wait returns once no batch is in flight.
func (p *pool) wait(ctx context.Context) error {
	acquired := 0
	defer func() {
		for range acquired {
			<-p.slots
		}
	}()
	for range cap(p.slots) {
		if err := p.acquire(ctx); err != nil {
			return err
		}
		acquired++
	}
	return nil
}
