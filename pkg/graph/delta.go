package graph

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const deltaPath = usersPath + "/delta"

// Change is one entry of a delta query: a user who was created, changed, deleted or
// restored. The same user may come several times, also with changes that are long
// past; the last entry to arrive counts.
type Change struct {
	// User is valid until the iteration moves on. Raw holds the properties that the
	// query tracks, and little more than the id of a user who is gone.
	User
	// Removed is "changed" for a user who was soft-deleted, "deleted" for one who is
	// gone for good, and "" for one who is there.
	Removed string
}

// DeltaLink asks Graph for the delta link that leads to the changes made from now on
// ($deltatoken=latest). properties are those whose changes are to be reported; none
// means Graph's default ones. Users created, deleted and restored are always
// reported. A tenant without delta queries (Azure AD B2C, External ID) refuses with
// an [Error].
func (c *Client) DeltaLink(ctx context.Context, properties []string, stats *Stats) (string, error) {
	var o options
	o.add("$select", strings.Join(properties, ","))
	o.add("$deltatoken", "latest")
	return c.delta(request{url: c.url(deltaPath, o.String())}).drain(ctx, stats, func(Change) error { return nil })
}

// Delta reads the changes made since a delta link was given, and returns the link to
// those made afterwards. change's error ends it. Besides that the error is an
// [Error], of which [Error.PageToken] says that the link has expired, a [LinkError],
// or the cause of ctx.
func (c *Client) Delta(ctx context.Context, link string, stats *Stats, change func(Change) error) (next string, err error) {
	u, err := c.resolve(link, deltaPath)
	if err != nil {
		return "", err
	}
	return c.delta(request{url: u, continuation: true}).drain(ctx, stats, change)
}

func (c *Client) delta(first request) *Pager {
	return &Pager{client: c, first: first, prefetch: true, delta: true}
}

// drain reads a round of changes to its end.
func (p *Pager) drain(ctx context.Context, stats *Stats, change func(Change) error) (string, error) {
	defer func() { stats.add(&p.Stats) }()
	for found, err := range p.changes(ctx) {
		if err == nil {
			err = change(found)
		}
		if err != nil {
			return "", err
		}
	}
	if p.deltaLink == "" {
		return "", &Error{Continuation: p.first.continuation, Err: errors.New("the changes ended without a delta link")}
	}
	return p.deltaLink, nil
}

func (p *Pager) changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for page, err := range p.Pages(ctx) {
			if err != nil {
				yield(Change{}, err)
				return
			}
			for user, err := range page.Users() {
				if err != nil {
					yield(Change{}, err)
					return
				}
				if !yield(Change{User: user, Removed: removed(user.Raw)}, nil) {
					return
				}
			}
		}
	}
}

// removed returns the reason of an entry's @removed, "" if it has none. An @removed
// of an unknown form says that the user is gone, too.
func removed(raw []byte) string {
	value := member(raw, "@removed")
	if value == nil {
		return ""
	}
	if reason := member(value, "reason"); len(reason) > 2 && reason[0] == '"' {
		if text, err := jsontext.AppendUnquote(nil, reason); err == nil && bytes.EqualFold(text, []byte("deleted")) {
			return "deleted"
		}
	}
	return "changed"
}
