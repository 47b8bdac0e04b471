package list_test

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// shelf is a Graph that puts sign-in names in whatever order it likes.
type shelf struct {
	http.RoundTripper // for tokens
	names             []string
	order             func(a, b string) int
	// count, where set, has the last word on the count of a range.
	count func(truth int) int
	// hides, where set, leaves a name out of every range (not out of the list).
	hides string
}

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "graph.microsoft.com" {
		return s.RoundTripper.RoundTrip(r)
	}
	q := r.URL.Query()
	found := s.between(q.Get("$filter"))
	if strings.HasSuffix(r.URL.Path, "/$count") {
		n := len(found)
		if q.Get("$filter") != "" && s.count != nil {
			n = s.count(n)
		}
		return replied(r, strconv.Itoa(n)), nil
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(s.order(a, b), strings.Compare(a, b)) })
	top, _ := strconv.Atoi(q.Get("$top"))
	from, _ := strconv.Atoi(q.Get("$skiptoken"))
	var body strings.Builder
	body.WriteByte('{')
	if from+top < len(found) {
		q.Set("$skiptoken", strconv.Itoa(from+top))
		fmt.Fprintf(&body, `"@odata.nextLink":%q,`, "https://graph.microsoft.com/v1.0/users?"+q.Encode())
	}
	body.WriteString(`"value":[`)
	for i, name := range found[from:min(from+top, len(found))] {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"00000000-0000-4000-8000-%012d"}`, slices.Index(s.names, name))
	}
	body.WriteString("]}")
	return replied(r, body.String()), nil
}

func replied(r *http.Request, body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// between returns the names that a filter of ge and le leaves.
func (s *shelf) between(filter string) []string {
	var found []string
	for _, name := range s.names {
		in := filter == "" || name != s.hides
		for term := range strings.SplitSeq(filter, " and ") {
			if bound, ok := strings.CutPrefix(term, "userPrincipalName ge '"); ok {
				in = in && s.order(name, strings.TrimSuffix(bound, "'")) >= 0
			}
			if bound, ok := strings.CutPrefix(term, "userPrincipalName le '"); ok {
				in = in && s.order(name, strings.TrimSuffix(bound, "'")) <= 0
			}
		}
		if in {
			found = append(found, name)
		}
	}
	return found
}

// list reads the shelf by so many ranges and returns how often each name came.
func (s *shelf) list(t *testing.T, ranges int) (map[string]int, list.Report, error) {
	t.Helper()
	tenant := simulator.New(simulator.Config{})
	s.RoundTripper = tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(s.RoundTripper), Transport: s, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]int{}
	listing := list.New(client, list.Request{Columns: listtest.Columns("id"), PageSize: 5, Parallel: ranges}, nil)
	for user, err := range listing.Users(t.Context()) {
		if err != nil {
			return met, listing.Report(), err
		}
		at, err := strconv.Atoi(string(user.ID[24:]))
		if err != nil {
			t.Fatal(err)
		}
		met[s.names[at]]++
	}
	return met, listing.Report(), nil
}

// mustBeAll checks that each name came once.
func (s *shelf) mustBeAll(t *testing.T, met map[string]int) {
	t.Helper()
	for _, name := range s.names {
		if met[name] != 1 {
			t.Errorf("%s came %d times", name, met[name])
		}
	}
}

// orders are collations, real ones and impossible ones.
func orders() map[string]func(a, b string) int {
	keyed := func(key func(string) string) func(a, b string) int {
		return func(a, b string) int { return strings.Compare(key(a), key(b)) }
	}
	punctuation := strings.NewReplacer("-", "", "'", "", ".", "")
	return map[string]func(a, b string) int{
		"of bytes":          strings.Compare,
		"without case":      keyed(strings.ToLower),
		"capitals first":    keyed(func(s string) string { return s }),
		"without hyphens":   keyed(func(s string) string { return punctuation.Replace(s) }),
		"backwards":         func(a, b string) int { return strings.Compare(b, a) },
		"by the last sign":  keyed(func(s string) string { return s[len(s)-1:] + s }),
		"by two signs only": keyed(func(s string) string { return s[:min(2, len(s))] }),
		"by length":         func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) },
		"by percent signs":  keyed(func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }),
		"digits last": keyed(func(s string) string {
			return strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r + 0x4000
				}
				return r
			}, s)
		}),
		"all alike": func(string, string) int { return 0 },
	}
}

// crowds are tenants by their names.
func crowds() map[string][]string {
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
		"one":              {"a@x"},
		"a page and one":   numbered("u%d@x", 6),
		"numbered":         numbered("user%04d@x", 150),
		"alike for long":   numbered(strings.Repeat("same", 8)+"%04d@x", 100),
		"hyphens first":    numbered("-%d@x", 100),
		"two sorts":        append(numbered("a%03d@x", 97), "y@x", "z@x"),
		"mixed":            mixed,
		"letters":          letters,
		"all but one in m": append(numbered("m%d@x", 120), "a@x"),
	}
}
