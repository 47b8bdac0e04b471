package list

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// batchSize is how many bytes of users go from the reader of a partition to the
// goroutine that delivers them. There is a batch for each partition to fill, and spare
// ones that are on their way.
const (
	batchSize    = 16 << 10
	spareBatches = 2
)

// batch is some users of one page, copied, because what Graph's client hands out is
// valid only until the next user.
type batch struct {
	partition *partition
	text      []byte // ids and users, one after the other
	ends      []int  // where each of them ends in text
	reread    bool
	endsPage  bool   // the page ends with this batch, and these two are about the page:
	wentBack  bool   // the pager had gone back to it
	link      string // its nextLink
	err       error  // the partition ends with this error
}

func (b *batch) add(user graph.User) {
	b.text = append(b.text, user.ID...)
	b.ends = append(b.ends, len(b.text))
	b.text = append(b.text, user.Raw...)
	b.ends = append(b.ends, len(b.text))
}

// reset empties the batch and keeps its buffer, unless one huge user made it large.
func (b *batch) reset() {
	if cap(b.text) > 4*batchSize {
		b.text = nil
	}
	*b = batch{text: b.text[:0], ends: b.ends[:0]}
}

// readParallel reads the partitions at the same time and delivers all users in the
// calling goroutine. The first error ends all partitions. A list that is to be paused
// is left when every partition is at the end of a page.
func (l *List) readParallel(ctx context.Context, partitions []*partition) error {
	ctx, cancel := context.WithCancel(ctx)
	var (
		full    = make(chan *batch)
		empty   = make(chan *batch, len(partitions)+spareBatches)
		readers sync.WaitGroup
		errs    []error
	)
	pagers := make([]*graph.Pager, len(partitions))
	for i, p := range partitions {
		pager, err := l.pager(p)
		if err != nil {
			cancel()
			return err
		}
		pagers[i] = pager
	}
	for range cap(empty) {
		empty <- new(batch)
	}
	for i, p := range partitions {
		reader := partitionReader{partition: p, resumed: p.Link != "" || l.resumed, pager: pagers[i], pause: l.Pause, full: full, empty: empty}
		readers.Go(func() {
			if err := reader.read(ctx); err != nil {
				reader.fail(err)
			}
		})
	}
	go func() {
		readers.Wait()
		close(full)
	}()
	defer func() { // also when deliver panics
		cancel()
		for b := range full {
			empty <- b
		}
	}()
	fresh := make(map[*partition]int, len(partitions)) // new users on the present page of each
	for b := range full {
		if errs == nil {
			if err := l.deliverBatch(b, fresh); err != nil {
				errs = append(errs, err)
				cancel()
			}
		} else if b.err != nil {
			errs = append(errs, b.err)
		}
		b.reset()
		empty <- b
	}
	for _, pager := range pagers {
		l.report.add(&pager.Stats)
	}
	if err := firstCause(errs); err != nil {
		return err
	}
	for _, p := range partitions {
		if !p.Done {
			return ErrPaused
		}
	}
	return nil
}

// deliverBatch delivers the users of a batch.
func (l *List) deliverBatch(b *batch, fresh map[*partition]int) error {
	before := l.seen.marked
	start := 0
	for i := 0; i < len(b.ends); i += 2 {
		id, raw := b.text[start:b.ends[i]], b.text[b.ends[i]:b.ends[i+1]]
		start = b.ends[i+1]
		if err := l.user(graph.User{ID: id, Raw: raw}, b.reread); err != nil {
			return err
		}
	}
	fresh[b.partition] += l.seen.marked - before
	if b.endsPage {
		n := fresh[b.partition]
		fresh[b.partition] = 0
		if err := l.pageDone(b.partition, b.link, b.wentBack, n); err != nil {
			return err
		}
	}
	return b.err
}

// partitionReader reads one partition and passes its users on in batches. The
// partition itself changes only in the goroutine that delivers them.
type partitionReader struct {
	partition   *partition
	resumed     bool // its first page may have been delivered in part
	pager       *graph.Pager
	pause       func(page time.Duration) bool
	full, empty chan *batch
	batch       *batch
}

func (r *partitionReader) read(ctx context.Context) (err error) {
	defer crash.Recover(&err) // it has a goroutine of its own
	began := time.Now()
	for page, err := range r.pager.Pages(ctx) {
		if err != nil {
			return err
		}
		reread := page.Reread || r.resumed && page.Number == 1
		for user, err := range page.Users() {
			if err != nil {
				return err
			}
			r.reserve(reread)
			if r.batch.add(user); len(r.batch.text) >= batchSize {
				r.send()
			}
		}
		r.reserve(reread)
		r.batch.endsPage, r.batch.wentBack, r.batch.link = true, page.Reread, page.Link()
		r.send()
		if page.Link() != "" && r.pause != nil && r.pause(time.Since(began)) {
			return nil
		}
		began = time.Now()
	}
	return nil
}

// reserve makes sure that there is a batch to fill.
func (r *partitionReader) reserve(reread bool) {
	if r.batch == nil {
		r.batch = <-r.empty
		r.batch.partition, r.batch.reread = r.partition, reread
	}
}

func (r *partitionReader) send() {
	r.full <- r.batch
	r.batch = nil
}

func (r *partitionReader) fail(err error) {
	r.reserve(false)
	if len(r.batch.ends)%2 != 0 { // it broke off between an id and its user
		r.batch.ends = r.batch.ends[:len(r.batch.ends)-1]
	}
	r.batch.err = err
	r.send()
}

// firstCause returns the error that caused the others: one that failed by itself
// rather than by being canceled for another's sake.
func firstCause(errs []error) error {
	var found error
	for _, err := range errs {
		if err != nil && (found == nil || errors.Is(found, context.Canceled) && !errors.Is(err, context.Canceled)) {
			found = err
		}
	}
	return found
}
