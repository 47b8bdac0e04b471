package query

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// selection reads a $select list.
func selection(value string) ([]string, *grapherror.Error) {
	names := strings.Split(value, ",")
	for i := range names {
		if names[i] = strings.TrimSpace(names[i]); names[i] == "" {
			return nil, invalidTerm(value)
		}
	}
	return names, nil
}

// resolve turns the selected names into columns for a list.
func (q *Query) resolve() (refusal *grapherror.Error) {
	names := q.Select
	if q.Manager != nil {
		names = slices.Concat(names, q.Manager.Select)
	}
	for _, name := range names {
		if p, ok := property.Lookup(name); ok && p.SingleUserOnly {
			return grapherror.New(http.StatusNotImplemented, "NotImplemented",
				"Property '"+name+"' is not supported on a collection of users; it is returned for a single user only.")
		}
	}
	q.Columns, refusal = columnsOf(q.Select, people.DefaultNames())
	return refusal
}

// columnsOf turns the selected names, or else those without a selection, into columns. A
// name given twice counts once.
func columnsOf(selected, otherwise []string) (columns []people.Column, refusal *grapherror.Error) {
	names := selected
	if names == nil {
		names = otherwise
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		emit := people.EmitterOf(name)
		if emit == nil {
			return nil, grapherror.BadRequest("Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph.user'.")
		}
		columns = append(columns, people.NewColumn(name, emit))
	}
	return columns, nil
}
