package store

import "slices"

// Last keeps the last ones of any number of names.
type Last struct {
	most  int
	names []string
}

// NewLast keeps at most so many names.
func NewLast(most int) *Last { return &Last{most: most} }

// Add adds a name. One that is no part of a key is left out: nothing can be read below it.
func (l *Last) Add(name string) {
	if CheckKey(name) != nil {
		return
	}
	if l.names = append(l.names, name); len(l.names) >= 2*l.most+1000 {
		l.names = l.All()
	}
}

// All returns the names, in the order of their bytes.
func (l *Last) All() []string {
	slices.Sort(l.names)
	return slices.Clone(l.names[max(0, len(l.names)-l.most):])
}
