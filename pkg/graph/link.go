package graph

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// LinkError reports a link of Graph that is not followed: the token
// would go to a host or path that was not configured, or the list would never
// end. It does not show the link, which may contain parts of users.
type LinkError struct {
	// Reason says what is wrong with the link.
	Reason string
	// Loop is true when the link leads back to a page that was read before.
	Loop bool
	// Kept is true for a link that Graph did not send just now: the caller has kept it.
	Kept bool
}

// Name returns the public name of the error.
func (e *LinkError) Name() string { return "Graph.Unavailable" }

// Error says why the link was not followed and what to look at.
func (e *LinkError) Error() string {
	if e.Loop {
		return "nextLink not followed: " + e.Reason
	}
	return "nextLink not followed: " + e.Reason +
		"; the token goes to the configured Graph host only (see ROLLCALL_CLOUD and ROLLCALL_GRAPH_URL)"
}

// resolve parses a link that Graph sent and makes sure that it stays where the
// list began: https, the configured host, the path of the list. The host is then
// written as it was configured; path and query are kept byte for byte.
func (c *Client) resolve(link, path string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // without the URL itself
		}
		return nil, &LinkError{Reason: fmt.Sprintf("it is not a URL (%v)", err)}
	}
	if err := c.checkOrigin(u); err != nil {
		return nil, err
	}
	switch {
	case plainPath(u.EscapedPath()) != plainPath(path):
		return nil, &LinkError{Reason: "its path is not the list's path " + path}
	case u.Fragment != "":
		return nil, &LinkError{Reason: "it carries a fragment"}
	}
	own := *c.base
	own.Path, own.RawPath, own.RawQuery = u.Path, u.RawPath, u.RawQuery
	return &own, nil
}

// checkOrigin makes sure that a URL leads to the configured host and port, in https
// and without user information. The error is a [LinkError].
func (c *Client) checkOrigin(u *url.URL) error {
	switch found, err := origin.Of(u); {
	case err != nil:
		return &LinkError{Reason: "it " + err.Error()}
	case found != c.origin:
		return &LinkError{Reason: fmt.Sprintf("its host is %q, not %q", found.Host(), c.origin.Host())}
	}
	return nil
}

// plainPath is the path in small ASCII letters and in the one of Graph's spellings of
// a delta query (delta, delta(), microsoft.graph.delta, microsoft.graph.delta()) that
// is used here. Letters of other scripts stay as they are.
func plainPath(path string) string {
	return strings.TrimSuffix(strings.Replace(asciiLower(path), "/microsoft.graph.delta", "/delta", 1), "()")
}

func asciiLower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// SkipToken returns the $skiptoken of a nextLink, unescaped, or "" where there
// is none. It is for callers that pass the token on to callers of their own; a
// pager follows links as they are.
func SkipToken(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	for name, values := range u.Query() {
		if asciiLower(name) == "$skiptoken" {
			return values[0]
		}
	}
	return ""
}

// loopDetector finds links that lead round in a circle, in constant memory: it
// remembers one earlier link and replaces it at growing distances (Brent). A
// circle of any length is found; users who are read twice until then are
// duplicates to whoever reads the list, so nothing is counted twice.
type loopDetector struct {
	anchor       string
	steps, limit int
}

func (l *loopDetector) visit(link string) error {
	if link == l.anchor {
		return &LinkError{Loop: true, Reason: "it leads back to a page that was read before"}
	}
	if l.steps == l.limit {
		l.anchor, l.steps, l.limit = link, 0, max(1, 2*l.limit)
	}
	l.steps++
	return nil
}
