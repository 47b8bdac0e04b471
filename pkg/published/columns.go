package published

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// columns is what the users have in the columns that were asked for.
type columns struct {
	manifest *snapshot.Manifest
	index    map[string]int // of select
	// populated is, for each column, the object in which somebody has a value.
	populated []string
	// hollow are the columns in which somebody has an object without members: Parquet leaves
	// out those that are null, so it may have been a value.
	hollow []bool
	other  map[string]string // further members, and an object that has them
	id     []byte
}

func newColumns(m *snapshot.Manifest) *columns {
	c := &columns{manifest: m, index: map[string]int{}, populated: make([]string, len(m.Select)), hollow: make([]bool, len(m.Select)), other: map[string]string{}}
	for i, name := range m.Select {
		c.index[name] = i
	}
	return c
}

var errNoID = errors.New("has no id")

// user looks at a user of an object and returns the id, which is valid until the next call.
func (c *columns) user(raw []byte, object string) (id []byte, err error) {
	var quoted []byte
	for name, value := range graph.Members(raw) {
		i, known := c.index[string(name)]
		switch {
		case !known:
			c.further(name, object)
			continue
		case string(name) == "id":
			quoted = value // of two the last one counts, as for every writer
		}
		switch {
		case c.populated[i] != "":
		case c.manifest.Format == parquetFormat && string(value) == "{}":
			c.hollow[i] = true
		case !snapshot.IsEmpty(value):
			c.populated[i] = object
		}
	}
	if len(quoted) < 3 || quoted[0] != '"' {
		return nil, errNoID
	}
	c.id, err = jsontext.AppendUnquote(c.id[:0], quoted)
	if err != nil {
		return nil, errors.New("has an id that is not UTF-8")
	}
	return c.id, nil
}

// further notes a member that nobody asked for. Annotations go without asking.
func (c *columns) further(name []byte, object string) {
	if bytes.IndexByte(name, '@') >= 0 || len(c.other) >= maxProblems {
		return
	}
	if _, noted := c.other[string(name)]; !noted {
		c.other[string(name)] = object
	}
}

// check holds what was found against the manifest. broken is why not everybody was seen, ""
// if everybody was.
func (c *columns) check(broken string) Check {
	m := c.manifest
	found := Check{Name: CheckColumns, Found: fmt.Sprintf("%d, as the manifest says", len(m.Select))}
	if n := len(m.MissingColumns); n > 0 {
		found.Notes = append(found.Notes, "Graph refused "+strings.Join(m.MissingColumns, ", "))
	}
	for i, name := range m.Select {
		where := c.populated[i]
		missing, empty := slices.Contains(m.MissingColumns, name), slices.Contains(m.EmptyColumns, name)
		switch {
		case where != "" && missing:
			found.problem("%s has values of %s, which Graph refused according to the manifest", where, name)
		case where != "" && empty:
			found.problem("%s has values of %s, which is empty according to the manifest", where, name)
		case where == "" && !missing && !empty && broken == "" && !c.hollow[i]:
			found.problem("nobody has a value of %s, and the manifest does not say so", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.other)) {
		found.Notes = append(found.Notes, fmt.Sprintf("%s has %s, which was not asked for", c.other[name], name))
	}
	if len(found.Problems) == 0 {
		found.Skipped = broken
	}
	return found
}
