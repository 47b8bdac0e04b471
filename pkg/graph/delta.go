package graph

import (
	"bytes"
	"context"
	"errors"
	"slices"
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
	return c.delta(request{url: c.url(deltaPath, o.String())}, properties).drain(ctx, stats, func(Change) error { return nil })
}

// Delta reads the changes made since a delta link was given, and returns the link to
// those made afterwards. change's error ends it. Besides that the error is an
// [Error], of which [Error.DeltaExpired] says that the link has expired, a [LinkError],
// or the cause of ctx.
func (c *Client) Delta(ctx context.Context, link string, stats *Stats, change func(Change) error) (next string, err error) {
	next, _, err = c.DeltaRound(ctx, link, DeltaOptions{}, stats, change)
	return next, err
}

// DeltaOptions say how to read a round of changes.
type DeltaOptions struct {
	// Select, if not nil, are the properties that are tracked from here on. It goes with a
	// delta link only, not with one that [Client.DeltaRound] has returned half-way.
	Select []string
	// Pause, if set, is asked at the end of each page but the last whether to stop there.
	Pause func() bool
}

// DeltaRound is Delta for a caller that may stop half-way, at the end of a page: paused
// then says that next leads to the rest of the round.
func (c *Client) DeltaRound(ctx context.Context, link string, o DeltaOptions, stats *Stats, change func(Change) error) (next string, paused bool, err error) {
	u, err := c.resolve(link, deltaPath)
	if err != nil {
		var refused *LinkError
		if errors.As(err, &refused) {
			refused.Kept = true
		}
		return "", false, err
	}
	if o.Select != nil {
		u.RawQuery = reselect(u.RawQuery, o.Select)
	}
	p := c.delta(request{url: u, continuation: true}, o.Select)
	p.pause = o.Pause
	next, err = p.drain(ctx, stats, change)
	return next, err == nil && p.deltaLink == "", err
}

// reselect replaces the $select of a delta link, which Graph's own links do not have.
func reselect(query string, properties []string) string {
	kept := options(slices.DeleteFunc(strings.Split(query, "&"), func(option string) bool {
		name, _, _ := strings.Cut(option, "=")
		return strings.EqualFold(name, "$select") || strings.EqualFold(name, "%24select")
	}))
	kept.add("$select", strings.Join(properties, ","))
	return kept.String()
}

// delta prepares to read changes. properties are those that the request names, if any.
func (c *Client) delta(first request, properties []string) *Pager {
	selected := Query{Select: properties}.selection()
	if selected != nil {
		selected.delta = true
	}
	p := c.pager(first, selected)
	p.delta = true
	return p
}

// drain reads a round of changes to its end, or to where it pauses.
func (p *Pager) drain(ctx context.Context, stats *Stats, change func(Change) error) (next string, err error) {
	defer func() { stats.add(&p.Stats) }()
	for page, err := range p.Pages(ctx) {
		if err != nil {
			return "", err
		}
		for user, err := range page.Users() {
			if err == nil {
				err = change(Change{User: user, Removed: removed(user.Raw)})
			}
			if err != nil {
				return "", err
			}
		}
		if link := page.Link(); link != "" && p.pause != nil && p.pause() {
			return link, nil
		}
	}
	if p.deltaLink == "" {
		return "", &Error{Continuation: p.first.continuation, Err: errors.New("the changes ended without a delta link")}
	}
	return p.deltaLink, nil
}

// removed returns the reason of an entry's @removed, "" if it has none. An @removed
// of an unknown form says that the user is gone, too.
func removed(raw []byte) string {
	value := Member(raw, "@removed")
	if value == nil {
		return ""
	}
	if reason := Member(value, "reason"); len(reason) > 2 && reason[0] == '"' {
		if text, err := jsontext.AppendUnquote(nil, reason); err == nil && bytes.EqualFold(text, []byte("deleted")) {
			return "deleted"
		}
	}
	return "changed"
}

// Manager is what a change says about the user's manager.
type Manager struct {
	// Told is false where the change says nothing: Graph tracks managers, and was seen to
	// leave them out of the change.
	Told bool
	// ID is the manager's id, "" for none.
	ID string
}

// ManagerOf reads manager@delta, a list of who has become the manager and who no longer
// is (@removed).
func (c Change) ManagerOf() Manager {
	list := Member(c.Raw, "manager@delta")
	if len(list) == 0 || list[0] != '[' {
		return Manager{}
	}
	d := jsontext.NewDecoder(bytes.NewReader(list), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := d.ReadToken()
	manager := Manager{}
	for err == nil && d.PeekKind() != ']' {
		var entry jsontext.Value
		if entry, err = d.ReadValue(); err != nil || entry.Kind() != '{' {
			continue
		}
		id, err := parseID(Member(entry, "id"))
		switch gone := removed(entry) != ""; {
		case err != nil:
		case !gone:
			manager = Manager{Told: true, ID: string(id)}
		case manager.ID == "" || strings.EqualFold(manager.ID, string(id)):
			manager = Manager{Told: true}
		}
	}
	return manager
}
