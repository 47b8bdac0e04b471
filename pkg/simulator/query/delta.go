package query

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// maxDeltaIDs is how many ids the filter of a delta query names at most.
const maxDeltaIDs = 50

// Delta is a request for changes, understood.
type Delta struct {
	// Select is the $select list, nil without one.
	Select []string
	// Among are the ids of the filter, nil without one.
	Among []string
	// DeltaToken and SkipToken are the tokens, of which there is one at most.
	DeltaToken, SkipToken string
}

// ParseDelta understands a request for /users/delta.
func ParseDelta(raw string) (d Delta, refusal *grapherror.Error) {
	all, refusal := parameters(raw)
	if refusal != nil {
		return d, refusal
	}
	seen := map[string]bool{}
	for _, p := range all {
		name := strings.ToLower(p.name)
		if seen[name] && strings.HasPrefix(name, "$") {
			return d, specifiedTwice(p.name)
		}
		seen[name] = true
		switch name {
		case "$select":
			d.Select, refusal = selection(p.value)
		case "$filter":
			d.Among, refusal = deltaFilter(p.value)
		case "$deltatoken":
			d.DeltaToken = p.value
		case "$skiptoken":
			d.SkipToken = p.value
		case "$format":
		default:
			if strings.HasPrefix(name, "$") {
				refusal = grapherror.Unsupported("The query option '" + p.name + "' is not supported for delta queries of users.")
			}
		}
		if refusal != nil {
			return d, refusal
		}
	}
	continues := d.SkipToken != "" || d.DeltaToken != "" && d.DeltaToken != "latest"
	switch {
	case d.SkipToken != "" && (d.DeltaToken != "" || d.Select != nil):
		return d, grapherror.BadRequest("$skiptoken cannot be combined with $deltatoken or $select.")
	case continues && d.Among != nil:
		return d, grapherror.BadRequest("$filter cannot be changed by a request that continues.")
	}
	return d, checkTracked(d.Select)
}

// deltaFilter reads the one form of a filter that delta queries take.
func deltaFilter(value string) ([]string, *grapherror.Error) {
	n, refusal := parseFilter(value)
	if refusal != nil {
		return nil, refusal
	}
	terms := []*node{n}
	if n.op == "or" {
		terms = n.kids
	}
	ids := make([]string, 0, len(terms))
	for _, term := range terms {
		if term.op != "eq" || term.property.Name != "id" || term.values[0].kind != "string" {
			return nil, grapherror.Unsupported("Delta queries of users can be filtered by id alone: id eq '...' or id eq '...'.")
		}
		ids = append(ids, term.values[0].text)
	}
	if len(ids) > maxDeltaIDs {
		return nil, grapherror.Unsupported("A delta query can be filtered by 50 ids at most.")
	}
	return ids, nil
}

// checkTracked refuses properties whose changes cannot be tracked.
func checkTracked(names []string) *grapherror.Error {
	for _, name := range names {
		if p, ok := property.Lookup(name); ok && p.SingleUserOnly {
			return grapherror.New(http.StatusNotImplemented, "NotImplemented", "Property '"+name+"' is not tracked by delta queries.")
		}
		if name == "signInActivity" {
			return grapherror.Unsupported("Property 'signInActivity' is not tracked by delta queries.")
		}
	}
	return nil
}

// Query returns what the entries of a delta query show, in the form of a list's
// query. names are the tracked properties, nil for Graph's default ones; the manager
// may be among them.
func (Delta) Query(names []string) (*Query, *grapherror.Error) {
	properties := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == property.Manager })
	columns, refusal := columnsOf(properties, people.DefaultNames())
	if refusal != nil {
		return nil, refusal
	}
	if len(properties) < len(names) {
		columns = append(columns, people.ManagerDeltaColumn())
	}
	return &Query{Select: names, Columns: columns}, nil
}
