package simulator

import "sync"

// pageMemory is the little that is kept of chains of pages, for the faults that
// need a past: which chains are dead, which pages have been asked for before,
// and where a long loop leads back to. It is bounded; the oldest is forgotten.
type pageMemory struct {
	mu     sync.Mutex
	dead   *recent[uint64, bool]
	failed *recent[string, bool]
	second *recent[uint64, string]
}

func newPageMemory() pageMemory {
	return pageMemory{
		dead: newRecent[uint64, bool](), failed: newRecent[string, bool](), second: newRecent[uint64, string](),
	}
}

// kill makes every further token of the chain useless.
func (m *pageMemory) kill(chain uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead.put(chain, true)
}

func (m *pageMemory) killed(chain uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead.get(chain)
}

// fails is true the first time a page is asked for.
func (m *pageMemory) fails(page string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed.get(page) {
		return false
	}
	m.failed.put(page, true)
	return true
}

// loopBack remembers a chain's link to its second page, and returns it.
func (m *pageMemory) loopBack(chain uint64, link string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if link != "" {
		m.second.put(chain, link)
	}
	return m.second.get(chain)
}

const recentLimit = 1000

// recent is a map that forgets its oldest entries.
type recent[K comparable, V any] struct {
	values map[K]V
	order  []K
}

func newRecent[K comparable, V any]() *recent[K, V] { return &recent[K, V]{values: map[K]V{}} }

func (r *recent[K, V]) get(k K) V { return r.values[k] }

func (r *recent[K, V]) put(k K, v V) {
	if _, known := r.values[k]; !known {
		if len(r.order) == recentLimit {
			delete(r.values, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, k)
	}
	r.values[k] = v
}
