package fault

import (
	"slices"
	"sync"
)

// Injector decides which request meets which fault, and counts.
type Injector struct {
	chaos *Chaos // or nil

	mu    sync.Mutex
	rules []rule
}

// rule is a fault with what the injector needs to know of it.
type rule struct {
	on       string
	page     int
	times    int
	kind     Kind
	injected map[int]int // how often, by page
}

// NewInjector makes an injector. A fault that is not in the catalogue is never
// injected. chaos, which may be nil, adds faults of its own.
func NewInjector(faults []Fault, chaos *Chaos) *Injector {
	in := &Injector{chaos: chaos}
	for _, f := range faults {
		in.Add(f)
	}
	return in
}

// Add sets a further fault.
func (in *Injector) Add(f Fault) {
	kind, ok := kindOf(f.Name)
	if !ok {
		return
	}
	r := rule{on: f.On, page: f.Page, times: f.Times, kind: kind, injected: map[int]int{}}
	if r.on == "" {
		r.on = kind.on
	}
	if r.times == 0 {
		r.times = kind.times
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.rules = append(in.rules, r)
}

// Event is what chaos, if there is any, does to a request; see [Chaos.Next].
func (in *Injector) Event(on string, page int, identity string) Event {
	return in.chaos.Next(on, page, identity)
}

// Instead returns the fault that answers a request in the place of the service,
// if there is one, and counts it as injected. A request off a list is on page 0.
func (in *Injector) Instead(on string, page int, event Event) (Kind, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, r := range in.rules {
		if r.kind.stage == instead && r.apply(on, page) {
			return r.kind, true
		}
	}
	return event.Kind, event.Kind.Name != "" && event.Kind.stage == instead
}

// Within returns the faults inside the answer to a request, and counts them as
// injected.
func (in *Injector) Within(on string, page int, event Event) Set {
	in.mu.Lock()
	defer in.mu.Unlock()
	var set Set
	for _, r := range in.rules {
		if r.kind.stage != instead && r.apply(on, page) {
			set = append(set, r.kind)
		}
	}
	if event.Kind.stage != instead {
		set = append(set, event.Kind)
	}
	return set
}

// apply says whether the rule applies to a request, and counts.
func (r rule) apply(on string, page int) bool {
	if r.on != on && (r.on != Graph || on == Token || on == Notification) || r.page != 0 && r.page != page || page < r.kind.firstPage {
		return false
	}
	if r.times > 0 && r.injected[page] >= r.times {
		return false
	}
	r.injected[page]++
	return true
}

// Set is the faults inside one answer.
type Set []Kind

// Has says whether the fault is in the set.
func (s Set) Has(name string) bool {
	return slices.ContainsFunc(s, func(k Kind) bool { return k.Name == name })
}

// Breaking says whether one of the faults ends the body half-way.
func (s Set) Breaking() bool {
	return slices.ContainsFunc(s, func(k Kind) bool { return k.stage == breaking })
}

// Names lists the faults' names.
func (s Set) Names() []string {
	names := make([]string, len(s))
	for i, k := range s {
		names[i] = k.Name
	}
	return names
}
