package odata

import "strings"

// Order is an $orderby that was understood whole.
type Order struct{ keys []orderKey }

type orderKey struct {
	property   string
	descending bool
}

// ParseOrder reads an $orderby: property [asc|desc], and more after commas.
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

// Properties returns the properties that order the list.
func (o *Order) Properties() []string {
	names := make([]string, len(o.keys))
	for i, k := range o.keys {
		names[i] = k.property
	}
	return names
}

// Rename gives every property the name that spell returns for it.
func (o *Order) Rename(spell func(name string) string) {
	for i := range o.keys {
		o.keys[i].property = spell(o.keys[i].property)
	}
}

// String writes the order again.
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
