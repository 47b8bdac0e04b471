package odata

import "strings"

// Order is a parsed $orderby.
type Order struct{ keys []orderKey }

type orderKey struct {
	property   string
	descending bool
}

// ParseOrder parses an $orderby: properties, each with an optional asc or desc,
// separated by commas. The error is an [*Error].
func ParseOrder(expression string) (*Order, error) {
	p, err := newParser("$orderby", expression)
	if err != nil {
		return nil, err
	}
	var o Order
	for {
		if p.kind != word || !isName(p.token) {
			return nil, p.fail("the name of a property is expected")
		}
		key := orderKey{property: p.token}
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.isWord("asc") || p.isWord("desc") {
			key.descending = p.isWord("desc")
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		o.keys = append(o.keys, key)
		if p.kind == eof {
			return &o, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// Properties returns the properties that the list is ordered by.
func (o *Order) Properties() []string {
	names := make([]string, len(o.keys))
	for i, k := range o.keys {
		names[i] = k.property
	}
	return names
}

// Rename replaces the name of every property by the one that rename returns.
func (o *Order) Rename(rename func(name string) string) {
	for i := range o.keys {
		o.keys[i].property = rename(o.keys[i].property)
	}
}

// String writes the order in its canonical spelling.
func (o *Order) String() string {
	parts := make([]string, len(o.keys))
	for i, k := range o.keys {
		parts[i] = k.property
		if k.descending {
			parts[i] += " desc"
		}
	}
	return strings.Join(parts, ",")
}
