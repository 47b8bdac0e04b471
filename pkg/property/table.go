package property

import (
	_ "embed" // the table is a file, so that people can read and compare it
	"strings"
	"sync"
)

//go:embed user-properties.tsv
var source string

type index struct {
	rows   []Property
	byName map[string]int
	byFold map[string]int
}

// table parses the embedded file once, on first use.
var table = sync.OnceValue(func() *index { return parse(source) })

// The file's columns.
const (
	columnName = iota
	columnType
	columnDefault
	columnSingle
	columnDocumented
	columnFilterDefault
	columnFilterAdvanced
	columns
)

func parse(text string) *index {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	t := &index{
		rows:   make([]Property, 0, len(lines)),
		byName: make(map[string]int, len(lines)),
		byFold: make(map[string]int, len(lines)),
	}
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != columns {
			continue
		}
		name := cells[columnName]
		t.byName[name] = len(t.rows)
		t.byFold[fold(name)] = len(t.rows)
		t.rows = append(t.rows, Property{
			Name:           name,
			Type:           cells[columnType],
			Default:        cells[columnDefault] == "yes",
			SingleUserOnly: cells[columnSingle] == "yes",
			Needs:          needs(name),
			Filter: filter(
				cells[columnDocumented],
				cells[columnFilterDefault],
				cells[columnFilterAdvanced],
			),
		})
	}
	return t
}

// fold lower-cases a name; property names are ASCII.
func fold(name string) string { return strings.ToLower(name) }
