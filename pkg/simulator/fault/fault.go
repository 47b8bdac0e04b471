// Package fault is what can go wrong in a simulated tenant: the catalogue of
// faults, how they are written, and the injector, which decides which request
// meets which fault. What a fault does to an answer is the business of the
// service that gives the answer. The package imports only the standard library.
package fault

import (
	"fmt"
	"strconv"
	"strings"
)

// Kinds of requests, as a fault's On names them.
const (
	List  = "list"
	Delta = "delta"
	// Deleted are lists of deleted users.
	Deleted = "deleted"

	Count = "count"
	User  = "user"
	Batch = "batch"
	// Subscription are the requests about subscriptions.
	Subscription = "subscription"
	// Application are the requests about app registrations.
	Application = "application"
	Graph       = "graph" // each of the above
	// Notification are the requests that Graph makes to a subscriber.
	Notification = "notification"
	Token        = "token"
)

// Fault is one misbehaviour of the tenant.
type Fault struct {
	// Name is one of Names.
	Name string
	// On is the kind of request that it is injected into: "list", "delta", "deleted", "count",
	// "user", "batch", "subscription", "application", "graph" (each of these) or "token". Empty means the fault's own,
	// which for most is "list".
	On string
	// Page is the number of the page that it is injected into, from 1, counted along a
	// chain of links; 0 means each page. Only lists and delta queries have pages.
	Page int
	// Times is how often it is injected into each page (or, off a list,
	// altogether); 0 means the fault's own default, -1 without end.
	Times int
}

// String is the fault as Parse reads it.
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

// Parse reads a fault written as name[@on][:page][xN], such as 503:3x2
// (page 3 is unavailable twice), reset, 429-date@count or 500x* (without end).
func Parse(s string) (Fault, error) {
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
		var names []string
		for _, k := range catalogue() {
			names = append(names, k.Name)
		}
		return Fault{}, fmt.Errorf("fault %q is unknown: one of %s", f.Name, strings.Join(names, ", "))
	}
	switch f.On {
	case "", List, Delta, Deleted, Graph, Count, User, Batch, Subscription, Application:
		if f.On != "" && !kind.fits(f.On) {
			return Fault{}, fmt.Errorf("fault %q applies to %s requests only; leave out @%s", f.Name, kind.on, f.On)
		}
	default:
		return Fault{}, fmt.Errorf("fault %q: after @ comes list, delta, deleted, count, user, batch, subscription, application or graph", s)
	}
	if f.Page > 0 && kind.on != List && kind.on != Delta {
		return Fault{}, fmt.Errorf("fault %q applies to %s requests, which have no pages; leave out :%d", f.Name, kind.on, f.Page)
	}
	return f, nil
}

// Name describes one fault for people.
type Name struct{ Name, Summary string }

// Names lists the faults that exist, with a line each.
func Names() []Name {
	kinds := catalogue()
	names := make([]Name, len(kinds))
	for i, k := range kinds {
		names[i] = Name{Name: k.Name, Summary: k.summary}
	}
	return names
}
