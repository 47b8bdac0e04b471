package property

import "strings"

// Operators is a set of $filter operators.
type Operators uint16

// The operators that Graph documents for user properties. Graph has no gt and
// lt for them.
const (
	Eq         Operators = 1 << iota // eq
	Ne                               // ne
	Not                              // not
	Ge                               // ge
	Le                               // le
	In                               // in
	StartsWith                       // startsWith
	EndsWith                         // endsWith
	Null                             // eq null
	Count                            // property/$count eq 0
)

// Has says whether the set holds all of the given operators.
func (o Operators) Has(all Operators) bool { return o&all == all }

// String lists the set as Graph's documentation does: "eq, ne, startsWith".
func (o Operators) String() string {
	var b strings.Builder
	for i, name := range operatorNames() {
		if o&(1<<i) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name)
	}
	return b.String()
}

// operatorNames lists the words of the table in the order of the constants.
func operatorNames() [10]string {
	return [...]string{"eq", "ne", "not", "ge", "le", "in", "startsWith", "endsWith", "null", "$count"}
}

// filter joins the table's three columns: what is documented today, and the
// split into default and advanced operators, which was published once. An
// operator that is documented and not known to be a default one is advanced.
func filter(documented, byDefault, advanced string) Filter {
	today := operators(documented)
	f := Filter{Default: operators(byDefault), Advanced: today | operators(advanced)}
	if today != 0 && !today.Has(Null) {
		// Today's list decides about null: createdDateTime has lost it.
		f.Advanced &^= Null
	}
	f.Advanced &^= f.Default
	return f
}

// operators reads one cell: "eq, ne, not , ge and eq on null values", or
// "eq,ne; eq,not" where a complex type's members are given one by one.
func operators(cell string) Operators {
	var set Operators
	if strings.Contains(cell, "including on null values") {
		set |= Null
	}
	// "eq on null values" is an operator of its own, not eq.
	cell = strings.ReplaceAll(cell, "eq on null values", "null")
	cell = strings.ReplaceAll(strings.ReplaceAll(cell, "/$count eq 0", "$count"), "/$count ne 0", "$count")
	for cell != "" {
		end := strings.IndexAny(cell, ",; ")
		word := cell
		if end >= 0 {
			word, cell = cell[:end], cell[end+1:]
		} else {
			cell = ""
		}
		for i, name := range operatorNames() {
			if word == name {
				set |= 1 << i
			}
		}
	}
	return set
}
