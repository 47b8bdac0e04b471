// Package advanced says which queries Graph answers only with its advanced query
// capabilities (ConsistencyLevel: eventual and $count=true), and what it cannot combine
// at all. Advanced queries are refused in tenants of Azure AD B2C, and with them
// signInActivity was reported to be missing silently; so they are for queries only that
// need them.
//
// What it says comes from Graph's documentation, which is not complete: a query that is
// taken for a plain one may still be refused as one.
package advanced

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

const (
	// maxValues is how many alternatives a plain filter has, and maxOperand how long a
	// value is.
	maxValues  = 15
	maxOperand = 120
	// signInActivity is the one property that no other can be filtered with.
	signInActivity = "signInActivity"
)

// Query is what is asked of Graph, apart from the page.
type Query struct {
	// Columns are the properties that are selected.
	Columns []property.Column
	// Filter, Search and Order are nil for none.
	Filter *odata.Filter
	Search *odata.Search
	Order  *odata.Order
}

// Needed reports whether Graph answers the query only as an advanced one.
func (q Query) Needed() bool { return q.reason() != "" }

// reason is why the query is an advanced one, "" if it is none.
func (q Query) reason() string {
	switch {
	case q.Search != nil:
		return "$search"
	case q.Filter != nil && q.Order != nil:
		return "a filter with $orderby"
	case q.Order != nil:
		for _, name := range q.Order.Properties() {
			if name != "displayName" && name != "userPrincipalName" {
				return "$orderby by " + name
			}
		}
	case q.Filter != nil:
		return filterReason(q.Filter)
	}
	return ""
}

func filterReason(f *odata.Filter) string {
	for _, t := range f.Terms() {
		if reason := termReason(t); reason != "" {
			return reason
		}
	}
	if f.Alternatives() > maxValues {
		return fmt.Sprintf("a filter of more than %d values", maxValues)
	}
	return ""
}

func termReason(t odata.Term) string {
	p, _ := property.Lookup(t.Property)
	plain, advanced := operators(p.Filter.Default), operators(p.Filter.Advanced)
	switch {
	case t.Negated:
		return "not, on " + t.Property
	case t.Count:
		return t.Property + "/$count"
	case t.Null && !slices.Contains(plain, "null"):
		return fmt.Sprintf("a comparison of %s with null", t.Property)
	case t.Operator == "ne", t.Operator == "endsWith",
		slices.Contains(advanced, t.Operator) && !slices.Contains(plain, t.Operator):
		return fmt.Sprintf("%s on %s", t.Operator, t.Property)
	case t.Longest > maxOperand:
		return fmt.Sprintf("a value of more than %d characters for %s", maxOperand, t.Property)
	}
	return ""
}

// operators splits a cell of the table of properties. Where the members of a structure
// are listed one by one, it is what any of them supports.
func operators(cell string) []string {
	return strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
}

// Conflict returns a [ConflictError] for what Graph cannot combine, nil if it can.
func (q Query) Conflict() error {
	if q.Filter != nil {
		names := q.Filter.Properties()
		if other := slices.IndexFunc(names, func(name string) bool { return name != signInActivity }); other >= 0 && slices.Contains(names, signInActivity) {
			return &ConflictError{fmt.Sprintf("filters by %s and %s, and Graph combines %s with no other property; filter by one of them", signInActivity, names[other], signInActivity)}
		}
	}
	manager := slices.ContainsFunc(q.Columns, func(c property.Column) bool { return c.Name == property.Manager })
	if reason := q.reason(); manager && reason != "" {
		return &ConflictError{fmt.Sprintf("needs an advanced query (for %s), which Graph does not combine with %s; leave %s out of the selected columns, or change the query", reason, property.Manager, property.Manager)}
	}
	return nil
}

// ConflictError says what Graph cannot combine, as a predicate: "filters by …".
type ConflictError struct{ text string }

func (e *ConflictError) Error() string { return e.text }
