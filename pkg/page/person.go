package page

import (
	"encoding/json"
	"net/http"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// personView is one person with everything that may be read.
type personView struct {
	Prefix string
	Name   string
	Facts  []fact
	Back   string
}

// fact is a value with its name.
type fact struct {
	Name, Label string
	Value       cell
}

// person shows one person.
func (p *Page) person(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL).without(formatOption)
	var user json.RawMessage
	if failed := p.ask(r, r.URL.EscapedPath(), q).decode(&user); failed != nil {
		p.fail(w, r, failed)
		return
	}
	names := p.config.API.Columns()
	if chosen := selected(q.get(selectOption), names); len(chosen) > 0 {
		names = chosen
	}
	cells := format.NewCells(append([]string{"displayName", "userPrincipalName"}, names...))
	if err := cells.Read(user); err != nil {
		p.fail(w, r, unreadable())
		return
	}
	v := personView{Prefix: prefix(r), Name: "Without a name"}
	for i := range 2 {
		if name := cellOf(cells, i, "", longestCell); name.Text != "" {
			v.Name = name.Text
			break
		}
	}
	for i, name := range names {
		v.Facts = append(v.Facts, fact{name, label(name), cellOf(cells, i+2, name, 0)})
	}
	p.show(w, r, http.StatusOK, "person", v.Name, v)
}
