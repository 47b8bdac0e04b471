package roll

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// batchSize is how many bytes of users go from the reader of a range to the one
// place where users are met. There are two batches of it for each range.
const batchSize = 64 << 10

// batch is some users of one page, copied: what Graph's client hands out is
// valid only until the next user.
type batch struct {
	span   *span
	text   []byte // ids and users, one behind the other
	ends   []int  // where each of them ends in text
	reread bool
	turned bool   // the page ends with this batch
	back   bool   // the chain had gone back to the page
	link   string // of the page, once it has ended
	err    error  // the range ends with this error
}

func (b *batch) add(user graph.User) {
	b.text = append(b.text, user.ID...)
	b.ends = append(b.ends, len(b.text))
	b.text = append(b.text, user.Raw...)
	b.ends = append(b.ends, len(b.text))
}

// reset empties the batch and keeps its room, unless one huge user has made it
// large.
func (b *batch) reset() {
	if cap(b.text) > 4*batchSize {
		b.text = nil
	}
	*b = batch{text: b.text[:0], ends: b.ends[:0]}
}

// sideBySide reads the ranges at the same time. All users are met in one
// goroutine, this one. The first error ends all ranges; a reading that is to be
// left is left when every range is at the end of a page.
func (r *reading) sideBySide(ctx context.Context, spans []*span) error {
	ctx, cancel := context.WithCancel(ctx)
	var (
		full    = make(chan *batch)
		empty   = make(chan *batch, 2*len(spans))
		readers sync.WaitGroup
		errs    []error
	)
	chains := make([]*graph.Pager, len(spans))
	for i, s := range spans {
		chain, err := r.chain(s)
		if err != nil {
			cancel()
			return err
		}
		chains[i] = chain
		for range 2 {
			empty <- new(batch)
		}
	}
	for i, s := range spans {
		readers.Go(func() { (&lane{reading: r, span: *s, home: s, chain: chains[i], full: full, empty: empty}).read(ctx) })
	}
	go func() {
		readers.Wait()
		close(full)
	}()
	defer func() { // also when whoever takes the users panics
		cancel()
		for b := range full {
			empty <- b
		}
	}()
	met := make(map[*span]int, len(spans)) // new users on the present page of each range
	for b := range full {
		if errs == nil {
			if err := r.take(b, met); err != nil {
				errs = append(errs, err)
				cancel()
			}
		} else if b.err != nil {
			errs = append(errs, b.err)
		}
		b.reset()
		empty <- b
	}
	for _, chain := range chains {
		r.report.note(&chain.Stats)
	}
	if err := reason(errs); err != nil {
		return err
	}
	for _, s := range spans {
		if !s.Done {
			return errParked
		}
	}
	return nil
}

// take meets the users of a batch.
func (r *reading) take(b *batch, met map[*span]int) error {
	before := r.seen.marked
	start := 0
	for i := 0; i < len(b.ends); i += 2 {
		id, raw := b.text[start:b.ends[i]], b.text[b.ends[i]:b.ends[i+1]]
		start = b.ends[i+1]
		if err := r.meet(graph.User{ID: id, Raw: raw}, b.reread); err != nil {
			return err
		}
	}
	met[b.span] += r.seen.marked - before
	if b.turned {
		fresh := met[b.span]
		met[b.span] = 0
		if err := r.turn(b.span, b.link, b.back, r.seen.marked-fresh); err != nil {
			return err
		}
	}
	return b.err
}

// lane reads one range for the one who meets the users.
type lane struct {
	reading     *reading
	span        span  // where the range stood at first; the range itself is not touched here
	home        *span // the range that the batches belong to
	chain       *graph.Pager
	full, empty chan *batch
	batch       *batch
}

func (l *lane) read(ctx context.Context) {
	began := time.Now()
	for page, err := range l.chain.Pages(ctx) {
		if err != nil {
			l.end(err)
			return
		}
		reread := page.Reread || l.span.Link != "" && page.Number == 1
		for user, err := range page.Users() {
			if err != nil {
				l.end(err)
				return
			}
			l.room(reread)
			if l.batch.add(user); len(l.batch.text) >= batchSize {
				l.send()
			}
		}
		l.room(reread)
		l.batch.turned, l.batch.back, l.batch.link = true, page.Reread, page.Link()
		l.send()
		if page.Link() != "" && l.reading.full != nil && l.reading.full(time.Since(began)) {
			return
		}
		began = time.Now()
	}
}

// room sees to it that there is a batch to fill.
func (l *lane) room(reread bool) {
	if l.batch == nil {
		l.batch = <-l.empty
		l.batch.span, l.batch.reread = l.home, reread
	}
}

func (l *lane) send() {
	l.full <- l.batch
	l.batch = nil
}

func (l *lane) end(err error) {
	l.room(false)
	l.batch.err = err
	l.send()
}

// cancelled tells an error that another range's error has caused.
func cancelled(err error) bool { return errors.Is(err, context.Canceled) }
