package page

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// searched returns the columns that the search box searches: those by which people are
// known, as far as they may be read.
func searched(columns []string) []string {
	var known []string
	for _, name := range []string{"displayName", "givenName", "surname", "mail", "userPrincipalName"} {
		if slices.Contains(columns, name) {
			known = append(known, name)
		}
	}
	return known
}

// searchFor writes the $search for what somebody has typed. Graph finds the words of a
// display name, and the beginnings of the other properties.
func searchFor(text string, columns []string) string {
	if text == "" {
		return ""
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	clauses := make([]string, len(columns))
	for i, name := range columns {
		clauses[i] = `"` + name + ":" + escaped + `"`
	}
	return strings.Join(clauses, " OR ")
}

// typed returns what somebody has typed to get this $search. It is not ok for a $search
// that was written by hand.
func typed(search string, columns []string) (text string, ok bool) {
	if search == "" || len(columns) == 0 {
		return "", search == ""
	}
	first := strings.TrimPrefix(search, `"`+columns[0]+":")
	var b strings.Builder
	for i := 0; i < len(first) && first[i] != '"'; i++ {
		if first[i] == '\\' && i+1 < len(first) {
			i++
		}
		b.WriteByte(first[i])
	}
	text = b.String()
	return text, searchFor(text, columns) == search
}

// beginning writes a $filter for who begins so: what finds people in tenants that have no
// $search, as those of Azure AD B2C have none.
func beginning(text string, columns []string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	terms := make([]string, len(columns))
	for i, name := range columns {
		terms[i] = "startswith(" + name + "," + quoted + ")"
	}
	return strings.Join(terms, " or ")
}

// shownAtFirst are the columns of a table for which nobody has chosen any.
func shownAtFirst(columns []string) []string {
	var shown []string
	for _, name := range []string{"displayName", "userPrincipalName", "jobTitle", "department", "userType", "accountEnabled"} {
		if slices.Contains(columns, name) {
			shown = append(shown, name)
		}
	}
	if len(shown) == 0 {
		shown = columns[:min(len(columns), 6)]
	}
	return shown
}

// find leads from what a form holds to the list in the API's own words.
func (p *Page) find(w http.ResponseWriter, r *http.Request) {
	form := parseQuery(r.URL)
	all := p.config.API.Columns()
	q := query{}.with(searchOption, searchFor(strings.TrimSpace(form.get("q")), searched(all)))
	q = q.with(filterOption, strings.TrimSpace(form.get("filter")))
	q = q.with(orderByOption, form.get("orderby")).with(topOption, form.get("top"))
	var chosen []string
	for _, o := range form {
		// Graph combines manager with no search.
		if o.name == "column" && (o.value != property.Manager || q.get(searchOption) == "") {
			chosen = append(chosen, o.value)
		}
	}
	if !slices.Equal(chosen, shownAtFirst(all)) {
		q = q.with(selectOption, strings.Join(chosen, ","))
	}
	p.redirect(w, r, link("", "/users", q))
}
