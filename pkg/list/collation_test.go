package list_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// collatedGraph is a Graph that orders and compares user principal names by a collation.
type collatedGraph struct {
	names   []string
	collate func(a, b string) int
	// count, if set, answers for the number of users of a partition.
	count func(truth int) int
	// hidden, if set, is a name that no partition contains, though the whole list does.
	hidden string
}

// answer answers requests for users and counts. Any other is for a token.
func (g *collatedGraph) answer(r *http.Request) *http.Response {
	if r.URL.Host != "graph.microsoft.com" {
		return nil
	}
	if refused := listtest.RefuseDelta(r); refused != nil {
		return refused
	}
	q := r.URL.Query()
	found := g.matching(q.Get("$filter"))
	if !listtest.IsList(r) {
		n := len(found)
		if q.Get("$filter") != "" && g.count != nil {
			n = g.count(n)
		}
		return listtest.Respond(r, http.StatusOK, strconv.Itoa(n))
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(g.collate(a, b), strings.Compare(a, b)) })
	top, _ := strconv.Atoi(q.Get("$top"))
	from, _ := strconv.Atoi(q.Get("$skiptoken"))
	link := ""
	if from+top < len(found) {
		q.Set("$skiptoken", strconv.Itoa(from+top))
		link = fmt.Sprintf(`"@odata.nextLink":%q,`, "https://graph.microsoft.com/v1.0/users?"+q.Encode())
	}
	var users []string
	for _, name := range found[from:min(from+top, len(found))] {
		users = append(users, fmt.Sprintf(`{"id":"00000000-0000-4000-8000-%012d"}`, slices.Index(g.names, name)))
	}
	return listtest.Respond(r, http.StatusOK, "{"+link+`"value":[`+strings.Join(users, ",")+"]}")
}

// matching returns the names that match a $filter of ge and le.
func (g *collatedGraph) matching(filter string) []string {
	var found []string
	for _, name := range g.names {
		matches := filter == "" || name != g.hidden
		for term := range strings.SplitSeq(filter, " and ") {
			if bound, ok := strings.CutPrefix(term, "userPrincipalName ge '"); ok {
				matches = matches && g.collate(name, strings.TrimSuffix(bound, "'")) >= 0
			}
			if bound, ok := strings.CutPrefix(term, "userPrincipalName le '"); ok {
				matches = matches && g.collate(name, strings.TrimSuffix(bound, "'")) <= 0
			}
		}
		if matches {
			found = append(found, name)
		}
	}
	return found
}

// read lists the names in so many partitions, and checks that each is delivered once.
func (g *collatedGraph) read(t *testing.T, partitions int) (list.Report, error) {
	t.Helper()
	tenant := simulator.New(simulator.Config{})
	client := listtest.Client(t, tenant, graph.Config{Transport: listtest.Intercept(tenant.Transport(), g.answer)})
	l := list.New(client, list.Request{Columns: listtest.Columns("id"), PageSize: 5, Parallel: partitions}, nil)
	times := make([]int, len(g.names))
	l.OnRestart = func() { clear(times) } // the list is divided before it is read
	for user, err := range l.Users(t.Context()) {
		if err != nil {
			return l.Report(), err
		}
		i, err := strconv.Atoi(string(user.ID[24:]))
		if err != nil {
			t.Fatal(err)
		}
		times[i]++
	}
	for i, name := range g.names {
		if times[i] != 1 {
			t.Errorf("%s was delivered %d times", name, times[i])
		}
	}
	return l.Report(), nil
}

// collations are some that exist and some that cannot.
func collations() map[string]func(a, b string) int {
	by := func(key func(string) string) func(a, b string) int {
		return func(a, b string) int { return strings.Compare(key(a), key(b)) }
	}
	mapped := func(change func(rune) rune) func(a, b string) int {
		return by(func(s string) string { return strings.Map(change, s) })
	}
	return map[string]func(a, b string) int{
		"bytes":            strings.Compare,
		"case-insensitive": by(strings.ToLower),
		"small letters first": mapped(func(r rune) rune {
			if unicode.IsLower(r) {
				return unicode.ToUpper(r)
			}
			return unicode.ToLower(r)
		}),
		"without punctuation":     by(strings.NewReplacer("-", "", "'", "", ".", "").Replace),
		"backwards":               func(a, b string) int { return strings.Compare(b, a) },
		"last character first":    by(func(s string) string { return s[len(s)-1:] + s }),
		"first two bytes only":    by(func(s string) string { return s[:min(2, len(s))] }),
		"by length":               func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) },
		"by their query encoding": by(func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }),
		"digits last": mapped(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r + 0x4000
			}
			return r
		}),
		"all equal": func(string, string) int { return 0 },
	}
}

// nameSets are the user principal names of tenants.
func nameSets() map[string][]string {
	numbered := func(format string, n int) []string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(format, i)
		}
		return names
	}
	mixed := numbered("user%d@x", 40)
	mixed = append(mixed, numbered("%d-o'neil@x", 40)...)
	mixed = append(mixed, numbered("Müller.%d@x", 20)...)
	mixed = append(mixed, numbered("zoë_%d#EXT#@x", 20)...)
	var letters []string // that are bounds themselves
	for a := 'a'; a <= 'z'; a++ {
		letters = append(letters, string(a))
		for b := 'a'; b <= 'e'; b++ {
			letters = append(letters, string([]rune{a, b}))
		}
	}
	return map[string][]string{
		"one":                {"a@x"},
		"one page and one":   numbered("u%d@x", 6),
		"numbered":           numbered("user%04d@x", 150),
		"a long prefix":      numbered(strings.Repeat("same", 8)+"%04d@x", 100),
		"leading hyphens":    numbered("-%d@x", 100),
		"uneven":             append(numbered("a%03d@x", 97), "y@x", "z@x"),
		"mixed":              mixed,
		"letters":            letters,
		"all but one with m": append(numbered("m%d@x", 120), "a@x"),
	}
}
