package query

import (
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// operatorSet is a set of $filter operators.
type operatorSet uint16

// The operators that Graph documents for user properties. Graph has no gt and
// lt for them.
const (
	opEq         operatorSet = 1 << iota // eq
	opNe                                 // ne
	opNot                                // not
	opGe                                 // ge
	opLe                                 // le
	opIn                                 // in
	opStartsWith                         // startsWith
	opEndsWith                           // endsWith
	opNull                               // eq null
	opCount                              // property/$count eq 0
)

// has reports whether the set contains all of the given operators.
func (o operatorSet) has(all operatorSet) bool { return o&all == all }

// operatorNames lists the words of the table in the order of the constants.
func operatorNames() [10]string {
	return [...]string{"eq", "ne", "not", "ge", "le", "in", "startsWith", "endsWith", "null", "$count"}
}

// supported returns the operators of a property that any request may use, and
// those that need an advanced query. One that is documented today and was not a
// default one in 2021 is advanced.
func supported(published property.Filter) (byDefault, advanced operatorSet) {
	today := parseOperators(published.Documented)
	byDefault, advanced = parseOperators(published.Default), today|parseOperators(published.Advanced)
	if today != 0 && !today.has(opNull) {
		advanced &^= opNull // createdDateTime has lost it since
	}
	return byDefault, advanced &^ byDefault
}

// parseOperators reads a list in the words of [property.Filter].
func parseOperators(list string) operatorSet {
	var set operatorSet
	if strings.Contains(list, "including on null values") {
		set |= opNull
	}
	// "eq on null values" is an operator of its own, not eq.
	list = strings.ReplaceAll(list, "eq on null values", "null")
	list = strings.ReplaceAll(strings.ReplaceAll(list, "/$count eq 0", "$count"), "/$count ne 0", "$count")
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		for i, name := range operatorNames() {
			if word == name {
				set |= 1 << i
			}
		}
	}
	return set
}
