package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// rowsOfPage is how many people a page has for whom nobody has chosen a $top.
const rowsOfPage = 50

// peopleView is the table of people.
type peopleView struct {
	Prefix string
	// Searchable says that there is something to search by. Words are in the search box;
	// Search is a $search that did not come from there.
	Searchable     bool
	Words, Search  string
	Filter         string
	OrderBy, Top   string
	Choices        []choice
	Heads          []head
	Rows           [][]cell
	From, To       string
	Count          *counted
	First, Next    string
	Everybody      string // without search and filter, "" where there is neither
	WithoutSearch  string
	Check          string
	Downloads      []download
	Complete       string // a sentence
	CompleteKind   string // complete, part or unproven
	NothingMatches bool
}

// choice is a column that may be shown.
type choice struct {
	Name, Label string
	Shown       bool
}

// head is the heading of a column.
type head struct {
	Name, Label string
	// Sort leads to the list sorted by it, "" where Graph does not sort plainly by it.
	Sort string
	// Order is ascending or descending, "" for neither.
	Order string
}

// download is the whole list in a format.
type download struct{ Label, Hint, Link string }

// counted is Graph's count, or why there is none.
type counted struct {
	N      int
	Number string
	Failed *problem
}

// people shows a page of the list.
func (p *Page) people(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL).without(formatOption, countOption)
	columns := p.config.API.Columns()
	asked := q.without(fromOption)
	if q.get(selectOption) == "" {
		asked = asked.without(selectOption).with(selectOption, strings.Join(shownAtFirst(columns), ","))
	}
	if q.get(topOption) == "" {
		asked = append(asked.without(topOption), option{topOption, strconv.Itoa(rowsOfPage)})
	}
	count := make(chan *counted, 1)
	go func() { count <- p.count(r, q) }()
	var page struct {
		Next  string            `json:"@odata.nextLink"`
		Value []json.RawMessage `json:"value"`
	}
	failed := p.ask(r, "/users", asked).decode(&page)
	n := <-count
	v := p.peopleView(r, q, columns)
	if failed != nil {
		if failed.Status == http.StatusBadRequest {
			failed.Form = v
		}
		p.fail(w, r, p.withoutSearch(r, q, failed))
		return
	}
	v.Count = n
	names := selected(asked.get(selectOption), columns)
	var err error
	if v.Rows, err = rowsOf(page.Value, names, prefix(r)); err != nil {
		p.fail(w, r, unreadable())
		return
	}
	v.Heads = headsOf(names, q, v.Prefix)
	from := 1
	if given, err := strconv.Atoi(q.get(fromOption)); err == nil && given > 1 && q.get(skipOption) != "" {
		from = given
	}
	v.From, v.To = grouped(from), grouped(from+len(v.Rows)-1)
	if next, err := url.Parse(page.Next); err == nil && page.Next != "" {
		onward := q.with(skipOption, parseQuery(next).get(skipOption))
		v.Next = link(v.Prefix, "/users", onward.with(fromOption, strconv.Itoa(from+len(v.Rows))))
	}
	v.prove(q, len(v.Rows))
	p.show(w, r, http.StatusOK, "people", "People", v)
}

// peopleView is what the view has whatever the API answers.
func (p *Page) peopleView(r *http.Request, q query, columns []string) *peopleView {
	at := prefix(r)
	restricted := q.without(skipOption, fromOption)
	v := &peopleView{
		Prefix: at, Searchable: len(searched(columns)) > 0,
		Filter: q.get(filterOption), OrderBy: q.get(orderByOption), Top: q.get(topOption),
		WithoutSearch: link(at, "/users", restricted.without(searchOption, filterOption)),
		Check:         link(at, "/check", q.only(filterOption, searchOption)),
	}
	var own bool
	if v.Words, own = typed(q.get(searchOption), searched(columns)); !own {
		v.Words, v.Search = "", q.get(searchOption)
	}
	if q.get(skipOption) != "" {
		v.First = link(at, "/users", restricted)
	}
	if v.Filter != "" || q.get(searchOption) != "" {
		v.Everybody = v.WithoutSearch
	}
	shown := selected(q.get(selectOption), columns)
	if len(shown) == 0 {
		shown = shownAtFirst(columns)
	}
	for _, name := range columns {
		v.Choices = append(v.Choices, choice{name, label(name), slices.Contains(shown, name)})
	}
	whole := q.only(filterOption, searchOption, orderByOption).with(selectOption, strings.Join(shown, ","))
	if p.config.Workbooks {
		v.Downloads = append(v.Downloads, download{"Excel", "A workbook in which text stays text", link(at, "/users", append(query{{formatOption, "xlsx"}}, whole...))})
	}
	v.Downloads = append(v.Downloads,
		download{"CSV for spreadsheets", "Cells that begin like a formula are not run", link(at, "/users", append(query{{formatOption, "csv"}, {"csv", "excel"}}, whole...))},
		download{"CSV", "Exactly what Graph has, for programs", link(at, "/users", append(query{{formatOption, "csv"}}, whole...))},
		download{"NDJSON", "One person a line; the last line says whether the list is complete", link(at, "/users", append(query{{formatOption, "ndjson"}}, whole...))},
	)
	return v
}

// prove says how far the page is the whole list.
func (v *peopleView) prove(q query, rows int) {
	whole := v.Next == "" && q.get(skipOption) == ""
	switch {
	case v.Count.Failed != nil && v.Count.Failed.Name == "Graph.BadRequest":
		v.CompleteKind, v.Complete = "unproven", "Not verified: Graph does not count these people, so nothing can show that nobody is missing."
	case v.Count.Failed != nil:
		v.CompleteKind, v.Complete = "unproven", "Not verified: Graph’s count is not to be had at present ("+v.Count.Failed.Name+")."
	case !whole:
		v.CompleteKind, v.Complete = "part", "One page of a longer list."
	case rows == v.Count.N:
		v.CompleteKind, v.Complete = "complete", "Complete: everybody is on this page, as many as Graph counts."
		if rows == 0 {
			v.Complete = "Complete: there is nobody, as Graph’s count says, too."
		}
	default:
		v.CompleteKind, v.Complete = "unproven", fmt.Sprintf("Not verified: %s are on this page, and Graph counts %s. Graph’s indexes may be behind by a minute.", people(rows), grouped(v.Count.N))
	}
	v.NothingMatches = rows == 0
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return grouped(n) + " people"
}

// count asks for Graph's count of everybody who matches.
func (p *Page) count(r *http.Request, q query) *counted {
	a := p.ask(r, "/users/$count", q.only(filterOption, searchOption))
	if failed := a.problem(); failed != nil {
		return &counted{Failed: failed}
	}
	n, err := strconv.Atoi(strings.TrimSpace(a.body.String()))
	if err != nil {
		return &counted{Failed: unreadable()}
	}
	return &counted{N: n, Number: grouped(n)}
}

// withoutSearch offers what finds people where Graph takes no $search.
func (p *Page) withoutSearch(r *http.Request, q query, failed *problem) *problem {
	columns := searched(p.config.API.Columns())
	words, own := typed(q.get(searchOption), columns)
	if failed.Name == "Graph.BadRequest" && own && words != "" && q.get(filterOption) == "" {
		failed.Instead = "Search by how names begin"
		failed.InsteadLink = link(prefix(r), "/users", q.without(searchOption, skipOption, fromOption).with(filterOption, beginning(words, columns)))
	}
	return failed
}

// selected returns the columns that a $select names, as they are spelled.
func selected(names string, columns []string) []string {
	var chosen []string
	for name := range strings.SplitSeq(names, ",") {
		at := slices.IndexFunc(columns, func(column string) bool { return strings.EqualFold(column, strings.TrimSpace(name)) })
		if at >= 0 && !slices.Contains(chosen, columns[at]) {
			chosen = append(chosen, columns[at])
		}
	}
	return chosen
}

// rowsOf are the rows of a table. The first cell of each leads to the person.
func rowsOf(users []json.RawMessage, names []string, prefix string) ([][]cell, error) {
	cells := format.NewCells(append(slices.Clone(names), "id"))
	rows := make([][]cell, 0, len(users))
	for _, user := range users {
		if err := cells.Read(user); err != nil {
			return nil, err
		}
		row := make([]cell, len(names))
		for i, name := range names {
			row[i] = cellOf(cells, i, name, longestCell)
		}
		if id := string(cells.Cell(len(names))); guid.Valid(id) && len(row) > 0 {
			row[0].Link = prefix + "/users/" + id
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// headsOf are the headings. Graph sorts by two properties without further ado.
func headsOf(names []string, q query, prefix string) []head {
	by, order, _ := strings.Cut(strings.TrimSpace(q.get(orderByOption)), " ")
	heads := make([]head, len(names))
	for i, name := range names {
		heads[i] = head{Name: name, Label: label(name)}
		next := name
		if strings.EqualFold(by, name) {
			heads[i].Order = "ascending"
			if strings.EqualFold(strings.TrimSpace(order), "desc") {
				heads[i].Order = "descending"
			} else {
				next = name + " desc"
			}
		}
		if name == "displayName" || name == "userPrincipalName" {
			sorted := q.without(skipOption, fromOption, orderByOption)
			if chosen := selected(q.get(selectOption), names); slices.Contains(chosen, property.Manager) && len(q.only(filterOption, searchOption)) > 0 {
				chosen = slices.DeleteFunc(chosen, func(name string) bool { return name == property.Manager })
				sorted = sorted.with(selectOption, strings.Join(chosen, ",")) // Graph combines it with no advanced query
			}
			heads[i].Sort = link(prefix, "/users", sorted.with(orderByOption, next))
		}
	}
	return heads
}
