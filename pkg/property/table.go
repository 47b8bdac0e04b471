package property

import (
	_ "embed" // the table is a file, so that people can read and compare it
	"strings"
)

// source is the table: a heading, then a line a property. It is searched as it
// is; there is nothing to build when a program starts.
//
//go:embed user-properties.tsv
var source string

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

// line finds the line of a property by its exact name.
func line(name string) (string, bool) {
	if name == "" || strings.ContainsAny(name, "\t\n") {
		return "", false
	}
	at := strings.Index(source, "\n"+name+"\t")
	if at < 0 {
		return "", false
	}
	row, _, _ := strings.Cut(source[at+1:], "\n")
	return row, true
}

// lines visits every property's line.
func lines(visit func(row string) bool) {
	_, body, _ := strings.Cut(source, "\n")
	for row := range strings.Lines(body) {
		if !visit(strings.TrimSuffix(row, "\n")) {
			return
		}
	}
}

// parse reads one line.
func parse(row string) (Property, bool) {
	cells := strings.Split(row, "\t")
	if len(cells) != columns {
		return Property{}, false
	}
	return Property{
		Name:           cells[columnName],
		Type:           cells[columnType],
		Default:        cells[columnDefault] == "yes",
		SingleUserOnly: cells[columnSingle] == "yes",
		Needs:          needs(cells[columnName]),
		Filter:         filter(cells[columnDocumented], cells[columnFilterDefault], cells[columnFilterAdvanced]),
	}, true
}
