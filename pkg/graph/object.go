package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxNames      = 1000 // members of an object
	maxKnown      = 200  // names that a shape remembers
	maxKnownBytes = 64 << 10
)

// shape is what is known of the objects at one place, such as the users of a list: the
// names of their members in Graph's order, no two of them alike. In an object whose names
// come in this order, whichever of them are missing, no name comes twice, and none needs
// another look.
type shape struct {
	selected *selection // of the members, nil for all
	ofUsers  bool
	members  []*member
}

// member is what is known of the members of one name.
type member struct {
	text   string // the name as Graph writes it, up to the colon
	folded string // see [fold]
	cut    bool   // it was not asked for
	isID   bool   // it is a user's id
	inner  *shape // of the objects in it, nil where their names are of no interest
}

// objectScan is the walk over one object.
type objectScan struct {
	known *shape          // nil where names are of no interest
	next  int             // of its members, behind those that have come
	seen  map[string]bool // folded names, where all of them are compared
}

// object returns the end of the object that begins at i.
func (s *scanner) object(i, depth int, known *shape) (int, error) {
	o := objectScan{known: known}
	if s.user.exact {
		o.seen = map[string]bool{}
	}
	from, before, kept := i+1, s.user.mark, false
	i, err := s.skip(i + 1)
	if err != nil {
		return 0, err
	}
	if s.b[i] == '}' {
		return i + 1, nil
	}
	for n := 0; n < maxNames || !s.user.reading; n++ {
		m, value, err := s.name(i, &o)
		if err != nil {
			return 0, err
		}
		end, err := s.value(value, depth, m.inner)
		if err != nil {
			return 0, known.explain(m, err)
		}
		if m.isID {
			s.user.id = span{value, end}
		}
		if i, err = s.skip(end); err != nil {
			return 0, err
		}
		last := s.b[i] == '}'
		if !last && s.b[i] != ',' {
			return 0, s.bad(i)
		}
		if m.cut {
			s.cut(from, i, before, kept || last)
		}
		if last {
			return i + 1, nil
		}
		kept = kept || !m.cut
		if from, before = i, s.user.mark; !kept {
			from++ // the comma is cut
		}
		if i, err = s.skip(i + 1); err != nil {
			return 0, err
		}
	}
	return 0, fault(fmt.Sprintf("an object in it has more than %d members", maxNames))
}

// cut takes out a member, from the end of the one before it to the separator at i. The
// first member goes with the separator behind it.
func (s *scanner) cut(from, i int, before mark, keepSeparator bool) {
	s.user.restore(before) // forget the edits within the member
	if !keepSeparator {
		i++
	}
	s.edit(from, i, "")
}

// name reads the name that begins at i, and returns where the value behind it begins.
func (s *scanner) name(i int, o *objectScan) (m *member, value int, err error) {
	if o.known != nil {
		for k := o.next; k < len(o.known.members); k++ {
			m = o.known.members[k]
			if end := i + len(m.text); end <= len(s.b) && string(s.b[i:end]) == m.text {
				o.next = k + 1
				value, err = s.skip(end)
				return m, value, err
			}
		}
	}
	return s.newName(i, o)
}

// newName reads a name that did not come as it was expected.
func (s *scanner) newName(i int, o *objectScan) (m *member, value int, err error) {
	if s.b[i] != '"' {
		return nil, 0, s.bad(i)
	}
	before := s.user.mark
	end, err := s.text(i)
	if err != nil {
		return nil, 0, err
	}
	name, verbatim := string(s.b[i+1:end-1]), s.user.mark == before
	if strings.IndexByte(name, '\\') >= 0 {
		unescaped, _ := jsontext.AppendUnquote(nil, s.b[i:end]) // the error is about surrogates
		if name, verbatim = string(unescaped), isPlain(unescaped); verbatim {
			s.edit(i, end, `"`+name+`"`)
		}
	}
	switch {
	case o.seen != nil:
		folded := fold(name)
		if m = &s.user.unknown; o.seen[folded] {
			return nil, 0, fault("a user has two members of one name, upper and lower case aside, of which each reader takes another")
		}
		o.seen[folded] = true
	case o.known == nil:
		m = &s.user.unknown
	default:
		m = s.learn(name, verbatim, o)
	}
	if i, err = s.skip(end); err != nil {
		return nil, 0, err
	}
	if s.b[i] != ':' {
		return nil, 0, s.bad(i)
	}
	value, err = s.skip(i + 1)
	return m, value, err
}

// learn returns the member of a name. It adds it to the shape, unless the name is there
// and out of order; then the names of the whole user have to be compared.
func (s *scanner) learn(name string, verbatim bool, o *objectScan) *member {
	members := o.known.members
	m := o.known.member(name)
	for k := o.next; k < len(members) && verbatim; k++ {
		if members[k].text == m.text {
			o.next = k + 1
			return members[k]
		}
	}
	alike := func(other *member) bool { return other.folded == m.folded }
	room := len(members) < maxKnown && s.user.knownBytes+len(m.text) < maxKnownBytes
	if !verbatim || !room || slices.ContainsFunc(members, alike) {
		s.user.unsure = true
		return m
	}
	s.user.knownBytes += len(m.text)
	o.known.members = slices.Insert(members, o.next, m)
	o.next++
	return m
}

func (h *shape) member(name string) *member {
	selected, keep := h.selected.member(name)
	return &member{
		text: `"` + name + `":`, folded: fold(name), cut: !keep, isID: h.ofUsers && name == "id",
		inner: &shape{selected: selected},
	}
}

// explain names the column in which a fault is, where that is one of the query's.
func (h *shape) explain(m *member, err error) error {
	var what fault
	if h == nil || !h.ofUsers || !h.selected.names(m.folded) || !errors.As(err, &what) {
		return err
	}
	return fault(fmt.Sprintf("%s (column %s)", what, strings.Trim(m.text, `":`)))
}
