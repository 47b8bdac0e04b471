package simulator

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Fault is one misbehaviour of the tenant.
type Fault struct {
	// Name is one of FaultNames.
	Name string
	// On is the kind of request that it strikes: "list", "count", "user",
	// "batch", "graph" (each of these) or "token". Empty means the fault's own,
	// which for most is "list".
	On string
	// Page is the number of the list page that it strikes, from 1, counted along
	// a chain of links; 0 strikes each page. Only lists have pages.
	Page int
	// Times is how often it strikes each page (or, off a list, altogether); 0
	// means the fault's own habit, -1 without end.
	Times int
}

// String is the fault as ParseFault reads it.
func (f Fault) String() string {
	s := f.Name
	if f.On != "" {
		s += "@" + f.On
	}
	if f.Page > 0 {
		s += ":" + strconv.Itoa(f.Page)
	}
	switch {
	case f.Times < 0:
		s += "x*"
	case f.Times > 0:
		s += "x" + strconv.Itoa(f.Times)
	}
	return s
}

// ParseFault reads a fault written as name[@on][:page][xN], such as 503:3x2
// (page 3 is unavailable twice), reset, 429-date@count or 500x* (without end).
func ParseFault(s string) (Fault, error) {
	var f Fault
	rest := s
	if at := strings.LastIndexByte(rest, 'x'); at > 0 {
		switch n, err := strconv.Atoi(rest[at+1:]); {
		case rest[at+1:] == "*":
			f.Times, rest = -1, rest[:at]
		case err == nil && n < 1:
			return Fault{}, fmt.Errorf("fault %q: the number after x is at least 1, or * for no end", s)
		case err == nil:
			f.Times, rest = n, rest[:at]
		}
	}
	if name, page, ok := strings.Cut(rest, ":"); ok {
		n, err := strconv.Atoi(page)
		if err != nil || n < 1 {
			return Fault{}, fmt.Errorf("fault %q: the page after the colon is a number from 1", s)
		}
		f.Page, rest = n, name
	}
	f.Name, f.On, _ = strings.Cut(rest, "@")
	kind, ok := kindOf(f.Name)
	if !ok {
		return Fault{}, fmt.Errorf("fault %q is unknown: one of %s", f.Name, strings.Join(faultNames(), ", "))
	}
	switch f.On {
	case "", onList, onGraph, onCount, onUser, onBatch:
		if f.On != "" && (kind.stage == atShape || kind.on == onToken) {
			return Fault{}, fmt.Errorf("fault %q strikes %s requests only; leave out @%s", f.Name, kind.on, f.On)
		}
	default:
		return Fault{}, fmt.Errorf("fault %q: after @ comes list, count, user, batch or graph", s)
	}
	if f.Page > 0 && kind.on != onList {
		return Fault{}, fmt.Errorf("fault %q strikes %s requests, which have no pages; leave out :%d", f.Name, kind.on, f.Page)
	}
	return f, nil
}

// FaultName describes one fault for people.
type FaultName struct{ Name, Summary string }

// FaultNames lists the faults that exist, with a line each.
func FaultNames() []FaultName {
	kinds := faultKinds()
	names := make([]FaultName, len(kinds))
	for i, k := range kinds {
		names[i] = FaultName{Name: k.name, Summary: k.summary}
	}
	return names
}

func faultNames() []string {
	kinds := faultKinds()
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// faultBook keeps count of which fault has struck where.
type faultBook struct {
	mu     sync.Mutex
	faults []Fault
	struck []map[int]int // by fault, then by page
}

func newFaultBook(faults []Fault) *faultBook {
	return &faultBook{faults: faults, struck: make([]map[int]int, len(faults))}
}

// take returns the names of the faults that strike this request at the stage,
// and counts them as struck. At the answer stage at most one can strike.
func (b *faultBook) take(at stage, on string, page int) faultSet {
	b.mu.Lock()
	defer b.mu.Unlock()
	var set faultSet
	for i, f := range b.faults {
		kind, ok := kindOf(f.Name)
		if !ok || kind.stage != at || f.Page != 0 && f.Page != page || page < kind.firstPage {
			continue
		}
		if !strikes(f.On, kind.on, on) {
			continue
		}
		times := f.Times
		if times == 0 {
			times = kind.times
		}
		if b.struck[i] == nil {
			b.struck[i] = map[int]int{}
		}
		if times > 0 && b.struck[i][page] >= times {
			continue
		}
		b.struck[i][page]++
		set = append(set, f.Name)
		if at == atAnswer {
			break
		}
	}
	return set
}

// strikes says whether a fault set on one kind of request strikes another.
func strikes(set, own, on string) bool {
	if set == "" {
		set = own
	}
	return set == on || set == onGraph && on != onToken
}

// add sets a further fault while the tenant runs.
func (b *faultBook) add(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, f)
	b.struck = append(b.struck, nil)
}

// faultSet is the names of the faults that strike one request.
type faultSet []string

func (s faultSet) has(name string) bool {
	for _, n := range s {
		if n == name {
			return true
		}
	}
	return false
}
