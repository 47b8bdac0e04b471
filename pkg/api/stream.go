package api

import "github.com/rollcall-dev/rollcall/pkg/list"

// maxStreamed is the most automatic partitions of a list that is streamed: more are
// read faster than a stream is taken.
const maxStreamed = 4

// all prepares to read all users for a caller; done ends that. A list is divided
// automatically only for a caller who is alone: several wait for Graph's quota, and
// each partition takes memory for as long as its caller takes to read.
func (a *API) all(o *options) (users *list.List, done func()) {
	q := a.narrowed(o)
	if q.Auto {
		q.Parallel = min(q.Parallel, maxStreamed)
	}
	refused := a.undivided.Load()
	if n := a.streams.Add(1); q.Auto && (n > 1 || refused != nil && *refused == q.Filter) {
		q.Parallel = 1
	}
	users = list.New(a.directory, q, a.log)
	return users, func() {
		a.streams.Add(-1)
		if !users.State().Progress.Undivided.IsZero() {
			a.undivided.Store(&q.Filter) // whoever asks next need not try
		}
	}
}
