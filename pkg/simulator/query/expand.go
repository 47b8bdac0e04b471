package query

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// maxLevels is how far $levels goes up a chain of managers; it is what max means.
const maxLevels = 1000

// Expansion is what $expand=manager shows.
type Expansion struct {
	// Select is the $select list inside it, nil without one; Columns what it selects.
	Select  []string
	Columns []people.Column
	// Levels is how many managers up the chain are shown, 1 without $levels.
	Levels int
}

// parseExpand reads the one expansion that is served: manager, and in brackets $select
// and $levels, separated by semicolons.
func parseExpand(value string) (*Expansion, *grapherror.Error) {
	name, options, bracketed := strings.Cut(value, "(")
	options, closed := strings.CutSuffix(strings.TrimSpace(options), ")")
	if name = strings.TrimSpace(name); strings.Contains(name, ",") || strings.Contains(options, "),") {
		return nil, grapherror.Unsupported("Only one property can be expanded in a single query.")
	}
	if p, ok := property.Lookup(name); ok {
		return nil, grapherror.BadRequest("Parsing OData Select and Expand failed: Property '" + p.Name +
			"' on type 'microsoft.graph.user' is not a navigation property or complex property. Only navigation properties can be expanded.")
	}
	if name != property.Manager {
		return nil, grapherror.New(http.StatusBadRequest, "ExpandNotSupported", "This simulated tenant expands manager only.")
	}
	if bracketed && !closed {
		return nil, invalidTerm(value)
	}
	e := &Expansion{Levels: 1}
	seen := map[string]bool{}
	for option := range strings.SplitSeq(options, ";") {
		if strings.TrimSpace(option) == "" {
			continue
		}
		name, value, _ := strings.Cut(option, "=")
		if name = strings.TrimSpace(name); seen[name] {
			return nil, specifiedTwice(name)
		}
		seen[name] = true
		if refusal := e.option(name, strings.TrimSpace(value), option); refusal != nil {
			return nil, refusal
		}
	}
	var refusal *grapherror.Error
	e.Columns, refusal = columnsOf(e.Select, people.DirectoryObjectNames())
	return e, refusal
}

func (e *Expansion) option(name, value, term string) (refusal *grapherror.Error) {
	switch name {
	case "$select":
		e.Select, refusal = selection(value)
		return refusal
	case "$levels":
		var err error
		if e.Levels = maxLevels; value != "max" {
			e.Levels, err = strconv.Atoi(value)
		}
		if err == nil && 1 <= e.Levels && e.Levels <= maxLevels {
			return nil
		}
	}
	return invalidTerm(term)
}

func invalidTerm(term string) *grapherror.Error {
	return grapherror.BadRequest("Parsing OData Select and Expand failed: Term '" + term + "' is not valid in a $select or $expand expression.")
}
