package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// expirySoon is when a secret's end is something to act on.
const expirySoon = 30 * 24 * time.Hour

// examine makes every check that the ones before it allow.
func (d *diagnosis) examine(ctx context.Context, t *tenant) {
	d.configuration(t)
	if !d.credential(ctx, t) {
		return
	}
	d.tenant(ctx, t) // a token needs it no more than by its name
	if !d.token(ctx, t) || !d.permission(ctx, t) {
		return
	}
	columns := d.columns(ctx, t)
	d.count(ctx, t)
	d.page(ctx, t, columns)
}

func (d *diagnosis) configuration(t *tenant) {
	c := t.config
	filter := "no filter"
	if c.Filter != "" {
		filter = "with a filter"
	}
	d.ok("configuration", "cloud %s, %d columns, %s, %d users a page", c.Cloud.Name, len(c.Select), filter, c.PageSize)
	if len(c.Replaced) > 0 {
		d.below("note: hosts of the cloud are replaced by " + strings.Join(c.Replaced, ", ") + ": login " + c.LoginURL + ", Graph " + c.GraphURL)
	}
}

func (d *diagnosis) credential(ctx context.Context, t *tenant) bool {
	identity, err := t.Credential.Identity(ctx)
	if err != nil {
		d.failed("credential", err)
		return false
	}
	found := identity.String() + ", from " + t.Credential.Source().String()
	left := time.Until(identity.ExpiresAt)
	switch {
	case identity.ExpiresAt.IsZero():
		d.ok("credential", "%s; its expiry is not recorded", found)
	case left <= 0:
		// What is recorded may be out of date; the token tells.
		d.failed("credential", fmt.Errorf("%s; it expired %s ago: add a client secret to the app registration and store it", found, inDays(-left)))
	case left < expirySoon:
		d.ok("credential", "%s; it expires in %s: rotate it", found, inDays(left))
	default:
		d.ok("credential", "%s; it expires in %s", found, inDays(left))
	}
	return true
}

func (d *diagnosis) tenant(ctx context.Context, t *tenant) {
	guid, err := t.Credential.Tenant(ctx)
	if err != nil {
		d.failed("tenant", err)
		return
	}
	d.ok("tenant", "%s", guid)
}

func (d *diagnosis) token(ctx context.Context, t *tenant) bool {
	started := time.Now()
	token, err := t.Credential.GetToken(ctx, policy.TokenRequestOptions{})
	if err != nil {
		d.failed("token", err)
		return false
	}
	d.ok("token", "bought in %s, lasts %s", milliseconds(time.Since(started)), time.Until(token.ExpiresOn).Round(time.Minute))
	return true
}

// permission asks for one user's id, which User.Read.All gives.
func (d *diagnosis) permission(ctx context.Context, t *tenant) bool {
	users, _, err := readPage(ctx, t.Graph, list.Request{Columns: []property.Column{{Name: "id"}}, PageSize: 1}.Query())
	switch {
	case err != nil:
		d.failed("permission", err)
		return false
	case users == 0:
		d.failed("permission", errors.New("Graph returned no user at all, and no tenant is empty: grant the application permission User.Read.All with admin consent"))
		return false
	}
	d.ok("permission", "users can be read")
	return true
}

// columns returns the columns that Graph gives.
func (d *diagnosis) columns(ctx context.Context, t *tenant) []property.Column {
	columns := t.Request.Columns
	_, _, err := readPage(ctx, t.Graph, list.Request{Columns: columns, Filter: t.Request.Filter, PageSize: 1}.Query())
	if err == nil {
		d.ok("columns", "all %d can be read", len(columns))
		return columns
	}
	left, missing, err := list.Granted(ctx, t.Graph, columns, err)
	if err != nil {
		var refused *list.RefusedError
		if !errors.As(err, &refused) {
			d.failed("columns", fmt.Errorf("the page that lists ask for is refused: %w", err))
			return nil
		}
		d.failed("columns", err)
		return without(columns, refused.Properties)
	}
	d.ok("columns", "%d of %d can be read; lists go on without %s", len(left), len(columns), strings.Join(missing, ", "))
	return left
}

func without(columns []property.Column, names []string) []property.Column {
	var left []property.Column
	for _, c := range columns {
		keep := !c.Optional // the optional ones were not told apart
		for _, name := range names {
			keep = keep && c.Name != name
		}
		if keep {
			left = append(left, c)
		}
	}
	return left
}

func (d *diagnosis) count(ctx context.Context, t *tenant) {
	var stats graph.Stats
	n, err := t.Graph.Count(ctx, t.Request.Query(), &stats)
	var answer *graph.Error
	switch {
	case err == nil && t.Request.Filter == "":
		d.ok("count", "Graph counts %d users", n)
	case err == nil:
		d.ok("count", "Graph counts %d users that match the filter", n)
	case errors.As(err, &answer) && answer.Status == 400 && t.Request.Filter == "":
		d.ok("count", "this tenant does not count its users (as B2C tenants do not); lists will be complete but not verified")
	default:
		d.failed("count", err)
	}
}

// page times what a list does all day.
func (d *diagnosis) page(ctx context.Context, t *tenant, columns []property.Column) {
	if len(columns) == 0 {
		return
	}
	started := time.Now()
	users, first, err := readPage(ctx, t.Graph, list.Request{Columns: columns, Filter: t.Request.Filter, PageSize: t.Request.PageSize}.Query())
	if err != nil {
		d.failed("page", err)
		return
	}
	d.ok("page", "%d users in %s, the first after %s", users, milliseconds(time.Since(started)), milliseconds(first))
}

// readPage reads one page and says how many users it had and after what time its
// response began.
func readPage(ctx context.Context, client *graph.Client, q graph.Query) (users int, first time.Duration, err error) {
	started := time.Now()
	page, err := client.Page(ctx, q, "")
	if err != nil {
		return 0, 0, err
	}
	first = time.Since(started)
	for _, err := range page.Users() {
		if err != nil {
			return 0, 0, err
		}
		users++
	}
	return users, first, nil
}

func milliseconds(d time.Duration) string { return d.Round(time.Millisecond).String() }
