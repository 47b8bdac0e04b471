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
			return nil, grapherror.BadRequest("Parsing OData Select and Expand failed: Term '" + value + "' is not valid in a $select or $expand expression.")
		}
	}
	return names, nil
}

// resolve turns the selected names into columns for a list.
func (q *Query) resolve() *grapherror.Error {
	for _, name := range q.Select {
		if p, ok := property.Lookup(name); ok && p.SingleUserOnly {
			return grapherror.New(http.StatusNotImplemented, "NotImplemented",
				"Property '"+name+"' is not supported on a collection of users; it is returned for a single user only.")
		}
	}
	return q.resolveColumns()
}

// resolveColumns turns the selected names, or those of Graph's default set, into
// columns. A name given twice counts once.
func (q *Query) resolveColumns() *grapherror.Error {
	names := q.Select
	if names == nil {
		names = people.DefaultNames()
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		emit := people.EmitterOf(name)
		if emit == nil {
			return grapherror.BadRequest("Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph.user'.")
		}
		q.Columns = append(q.Columns, people.NewColumn(name, emit))
	}
	if q.Manager {
		q.Columns = append(q.Columns, people.ManagerColumn())
	}
	return nil
}
