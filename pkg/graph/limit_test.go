package graph_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// endless is a transport whose answer begins with head and goes on with one byte
// for ever. It counts the bytes that are read, up to a limit.
type endless struct {
	status int
	head   string
	fill   string
	read   int
}

func (e *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: e.status, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader(e.head), e))}, nil
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.fill[(e.read+i)%len(e.fill)]
	}
	if e.read += len(b); e.read > 500<<20 {
		return 0, io.EOF
	}
	return len(b), nil
}

func TestWhatIsTooLargeIsNotReadAndIsNamed(t *testing.T) {
	page := func(c *graph.Client) error {
		_, err := readAll(t.Context(), c.Pager(graph.Query{}))
		return err
	}
	delta := func(c *graph.Client) error {
		_, err := c.Delta(t.Context(), deltaRoot+"?$deltatoken=a", new(graph.Stats), func(graph.Change) error { return nil })
		return err
	}
	count := func(c *graph.Client) error {
		_, err := c.Count(t.Context(), graph.Query{}, new(graph.Stats))
		return err
	}
	user := func(c *graph.Client) error {
		_, err := c.User(t.Context(), "7", graph.Query{})
		return err
	}
	for name, c := range map[string]struct {
		read       func(*graph.Client) error
		head, fill string
		want       string
	}{
		"a user":                          {page, `{"value":[{"id":"a","displayName":"`, "a", "a user"},
		"a user of many members":          {page, `{"value":[{"id":"a"`, `,"x":1`, "more than 1000 members"},
		"a user that is a string":         {page, `{"value":["`, "a", "not an object"},
		"a user that is a number":         {page, `{"value":[`, "1", "not an object"},
		"a user of brackets":              {page, `{"value":[{"id":"a","x":[1`, ",1", "a user"},
		"white space before a user":       {page, `{"value":[`, " ", "a user"},
		"white space behind a user":       {page, `{"value":[{"id":"a"}`, "\n", "a user"},
		"users without end":               {page, `{"value":[{"id":"a"}`, `,{"id":"a"}`, "more than 10000 users"},
		"a nextLink":                      {page, `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=`, "a", "the nextLink"},
		"a nextLink of another kind":      {page, `{"@odata.nextLink":[`, "1,", "is not a link"},
		"a deltaLink":                     {delta, `{"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=`, "a", "the deltaLink"},
		"a change":                        {delta, `{"value":[{"id":"a","@removed":{"reason":"`, "a", "a user"},
		"a count":                         {page, `{"@odata.count":`, "1", "the count"},
		"the name of a member":            {page, `{"`, "a", "the name of a member"},
		"an unknown string":               {page, `{"x":"`, "a", "a member"},
		"an unknown number":               {page, `{"x":1`, "1", "a member"},
		"an unknown list":                 {page, `{"x":[1`, ",1", "a member"},
		"an unknown object":               {page, `{"x":{"a":1`, `,"a":1`, "a member"},
		"unknown members without end":     {page, `{"x":1`, `,"x":1`, "more than 1000 members"},
		"an unknown nest":                 {page, `{"x":`, "[", "nested deeper"},
		"white space before the page":     {page, ``, " ", "the start of the page"},
		"white space behind the page":     {page, `{"value":[]}`, " ", "the end of the page"},
		"the body of a count":             {count, ``, "1", "the body"},
		"the body of a user":              {user, `{"id":"a","x":"`, "a", "the body"},
		"an id":                           {page, `{"value":[{"id":"` + strings.Repeat("a", 300) + `"}],"x":"`, "a", "id is longer"},
		"the body of a user who has none": {user, `{`, " ", "the body"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &endless{status: 200, head: c.head, fill: c.fill}
			client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: transport, Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err = c.read(client)
			runtime.ReadMemStats(&after)
			var answer *graph.Error
			if !errors.As(err, &answer) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; transport.read > 5<<20 || allocated > 48 {
				t.Errorf("%d MiB were read and %d MiB allocated", transport.read>>20, allocated)
			}
		})
	}
}

func TestWhatIsTooLargeIsNotRetried(t *testing.T) {
	transport := &endless{status: 200, head: `{"@odata.nextLink":"`, fill: "a"}
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t.Context(), client.Pager(graph.Query{})); err == nil || transport.read > 1<<20 {
		t.Errorf("%d bytes were read, %v", transport.read, err)
	}
}

func TestTheBodyOfAnErrorThatIsTooLargeIsNamed(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 503} {
		transport := &endless{status: status, head: `{"error":{"code":"`, fill: "a"}
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: transport, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Count(t.Context(), graph.Query{}, new(graph.Stats))
		if err == nil || !strings.Contains(err.Error(), "the body is larger") || transport.read > 1<<20 {
			t.Errorf("%d: %d bytes were read, %v", status, transport.read, err)
		}
	}
}
