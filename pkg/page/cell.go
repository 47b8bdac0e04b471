package page

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/legible"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// cell is a value as people see it.
type cell struct {
	Text string
	// Kind is the class of the cell: "", number, code or no.
	Kind string
	// Time is the machine's form of a point in time, "" for anything else.
	Time string
	// Link leads to the person, "" for no link.
	Link string
}

// longestCell is how many characters of a value a table shows; the person's own view has
// all of them.
const longestCell = 120

// cellOf is the cell of column i of the last user that cells has read.
func cellOf(cells *format.Cells, i int, name string, longest int) cell {
	return shown(cells.Kind(i), string(cells.Cell(i)), name, longest)
}

func shown(kind byte, text, name string, longest int) cell {
	switch kind {
	case 't':
		return cell{Text: "Yes"}
	case 'f':
		return cell{Text: "No", Kind: "no"}
	case '0':
		return cell{Text: text, Kind: "number"}
	case '{', '[':
		return cell{Text: shortened(legible.Text(text), longest), Kind: "code"}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && property.IsInstant(name) {
		return cell{Text: at.UTC().Format("2006-01-02 15:04"), Time: at.UTC().Format(time.RFC3339), Kind: "number"}
	}
	return cell{Text: shortened(legible.Text(text), longest)}
}

// shortened cuts text to a number of characters, 0 for all of them.
func shortened(text string, longest int) string {
	if longest == 0 || utf8.RuneCountInString(text) <= longest {
		return text
	}
	runes := []rune(text)[:longest-1]
	for len(runes) > 1 && unicode.In(runes[len(runes)-1], unicode.Mn, unicode.Cf) {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// label is a property's name as people read it: onPremisesSyncEnabled becomes On premises
// sync enabled.
func label(name string) string {
	switch name {
	case "id":
		return "ID"
	case "userPrincipalName":
		return "User principal name"
	case property.ODataType:
		return "Type"
	}
	if strings.ContainsAny(name, "_.@") { // an extension, whose name is the tenant's own
		return name
	}
	var b strings.Builder
	for i, r := range name {
		switch {
		case i == 0:
			b.WriteRune(unicode.ToUpper(r))
		case unicode.IsUpper(r):
			b.WriteString(" " + string(unicode.ToLower(r)))
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String()+" ", " id ", " ID ")[:b.Len()]
}

// grouped writes a number as people read it: 1,234,567.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
