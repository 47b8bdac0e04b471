package published

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/spill"
)

// Kind is what has become of a user between two snapshots.
type Kind string

// The kinds.
const (
	Joined  Kind = "joined"
	Left    Kind = "left"
	Changed Kind = "changed"
)

// Change is a user who is not the same in two snapshots.
type Change struct {
	Kind Kind
	ID   []byte
	// Before and After are the user's JSON objects, nil where there is none.
	Before, After []byte
	// Columns are those that differ, in their order, with the values of both; none unless
	// the kind is Changed.
	Columns []Column
}

// Column is a value that differs. A value is JSON, nil where there is none.
type Column struct {
	Name          string
	Before, After []byte
}

// Counts are how many users there are of each kind.
type Counts struct {
	Joined    int `json:"joined"`
	Left      int `json:"left"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// Difference is what two snapshots have in common and what they have not. Close it.
type Difference struct {
	// Columns are those that both have. OnlyBefore and OnlyAfter are those of one alone,
	// which are not compared.
	Columns, OnlyBefore, OnlyAfter []string

	compared comparison
	users    spill.Spill
}

// The kinds of entries of the spill.
const (
	inBefore = 'b'
	inAfter  = 'a'
)

// BrokenError is a snapshot that is not whole.
type BrokenError struct {
	URL    string
	Checks []Check
}

// Error names the manifest and the first thing that is wrong.
func (e *BrokenError) Error() string {
	for _, c := range e.Checks {
		if len(c.Problems) > 0 {
			return fmt.Sprintf("%s is not whole: %s: %s", e.URL, c.Name, c.Problems[0])
		}
	}
	return e.URL + " is not whole"
}

// Name returns the public name of a list that is not whole.
func (e *BrokenError) Name() string { return "Snapshot.Incomplete" }

// Compare reads two snapshots, in whatever formats they are, and verifies them while it
// reads them: the error is a [*BrokenError] if one of them is not whole. A suspect one may be.
func Compare(ctx context.Context, before, after *Snapshot, o Options) (*Difference, error) {
	d := &Difference{users: spill.Spill{Dir: o.TempDir}, compared: newComparison(&before.Manifest, &after.Manifest)}
	for _, name := range before.granted() {
		if slices.Contains(after.granted(), name) {
			d.Columns = append(d.Columns, name)
		} else {
			d.OnlyBefore = append(d.OnlyBefore, name)
		}
	}
	d.OnlyAfter = slices.DeleteFunc(after.granted(), func(name string) bool { return slices.Contains(d.Columns, name) })
	err := d.read(ctx, before, inBefore, o)
	if err == nil {
		err = d.read(ctx, after, inAfter, o)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// granted are the columns that were asked for and that Graph did not refuse.
func (s *Snapshot) granted() []string {
	return slices.DeleteFunc(slices.Clone(s.Manifest.Select), func(name string) bool { return slices.Contains(s.Manifest.MissingColumns, name) })
}

func (d *Difference) read(ctx context.Context, s *Snapshot, kind byte, o Options) error {
	o.Visit = func(id, raw []byte) error { return d.users.Add(keyOf(id).shard(), kind, raw) }
	checks, err := s.Verify(ctx, o)
	if err != nil {
		return err
	}
	for _, c := range checks {
		if c.Name != CheckStatus && len(c.Problems) > 0 {
			return &BrokenError{s.URL, checks}
		}
	}
	return nil
}

// Close removes what was kept of the users.
func (d *Difference) Close() { d.users.Close() }

// person is a user in a shard.
type person struct {
	key       key
	isAfter   bool
	id, whole []byte
}

// Changes yields the users who are not the same, in an order that depends on their ids alone,
// and counts everybody in n. A change is valid until the next one.
func (d *Difference) Changes(n *Counts) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for shard := range spill.Shards {
			people, err := d.people(shard)
			if err != nil {
				yield(Change{}, err)
				return
			}
			for len(people) > 0 {
				same := 1
				if len(people) > 1 && people[1].key == people[0].key {
					same = 2
				}
				c := d.change(people[:same], n)
				people = people[same:]
				if c.Kind != "" && !yield(c, nil) {
					return
				}
			}
		}
	}
}

// people are those of a shard, by their keys, and of the same key the earlier one first.
func (d *Difference) people(shard int) ([]person, error) {
	var all []person
	for e, err := range d.users.Of(shard) {
		if err != nil {
			return nil, err
		}
		p := person{isAfter: e.Kind == inAfter, whole: bytes.Clone(e.Text)}
		p.id = idOf(p.whole)
		p.key = keyOf(p.id)
		all = append(all, p)
	}
	// The earlier snapshot was read first, and a shard keeps the order.
	slices.SortStableFunc(all, func(a, b person) int { return bytes.Compare(a.key[:], b.key[:]) })
	return all, nil
}

// change says what has become of a user, nothing if nothing has.
func (d *Difference) change(same []person, n *Counts) Change {
	p := same[0]
	switch {
	case len(same) == 1 && p.isAfter:
		n.Joined++
		return Change{Kind: Joined, ID: p.id, After: p.whole}
	case len(same) == 1:
		n.Left++
		return Change{Kind: Left, ID: p.id, Before: p.whole}
	}
	c := Change{Kind: Changed, ID: p.id, Before: p.whole, After: same[1].whole}
	if !bytes.Equal(c.Before, c.After) {
		c.Columns = d.compared.columns(d.Columns, c.Before, c.After)
	}
	if len(c.Columns) == 0 {
		n.Unchanged++
		return Change{}
	}
	n.Changed++
	return c
}

// idOf is the id of a user who was verified.
func idOf(whole []byte) (id []byte) {
	var quoted []byte
	for name, value := range graph.Members(whole) {
		if string(name) == "id" {
			quoted = value
		}
	}
	return unquoted(quoted)
}

// Member returns the text of a user's property that is a string, "" if it is none.
func Member(whole []byte, column string) string {
	if whole == nil {
		return ""
	}
	for name, value := range graph.Members(whole) {
		if string(name) == column && value[0] == '"' {
			return string(unquoted(value))
		}
	}
	return ""
}

// Text is a value as a person reads it: text as it is, the manager by the id, and everything
// else as JSON.
func (c Column) Text(value []byte) string {
	switch {
	case value == nil:
		return ""
	case value[0] == '"':
		return string(unquoted(value))
	case c.Name == property.Manager && value[0] == '{':
		if id := Member(value, "id"); id != "" {
			return id
		}
	}
	return strings.ToValidUTF8(string(value), "\ufffd")
}
