package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
)

type doctorCommand struct{ tenantFlags }

// Help is the rest of `rollcall doctor --help`.
func (doctorCommand) Help() string {
	return `Prints one line per check on stdout: ok, warn, FAIL or, where it could not be made, skip and why;
what was found, and below it what to do. Checks that do not need one that failed go on. No user
is shown, and everything is left as it was. The exit status is 1 if a check failed.

  configuration  the environment, all problems at once
  credential     the secret is readable; where it is stored, when it expires and what is odd
                 about it
  federation     which issuer, subject and audience the app has to trust, if it keeps no secret
  tenant         the tenant exists; its GUID
  token          Entra ID issues a token; how long it is valid
  role           the application permissions that the token has, if it says so
  permission     the token may read users
  clock          this machine's clock agrees with that of Graph
  expiry         when the credential ends by the app's registration, if the token may read that
  columns        each selected column can be read
  count          Graph counts the users, so that lists can be verified
  partitions     in how many partitions lists are read
  page           how long a page takes
  storage        each store of ROLLCALL_STATE and ROLLCALL_SINKS can be read, and written by
                 compare-and-swap: an object doctor-<random>.json is made there and deleted again
  latest         which list each store has published last, when, and that its manifest is right
  queue          each azqueue: sink takes messages; none is sent. Other buses are not tried
  secret         ROLLCALL_SEAL_KEY and ROLLCALL_WEBHOOK_SECRET, where they are set, can be read
  subscription   Graph notifies ROLLCALL_NOTIFICATION_URL, and until when

Of a managed identity also:

  identity       which one it is: its client id, object id and tenant
  role           the command that grants what is missing

On a terminal the results are coloured, unless NO_COLOR is set.`
}

// Run makes the checks in order, skipping those whose prerequisites failed.
func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	results := &checks{checklist: p.newChecklist()}
	console, log := p.console()
	var settings publisher.Settings
	var here clock
	c.options = append(c.options, here.watch)
	t, err := p.connect(ctx, c.tenantFlags, nil, console, log, &settings)
	if err != nil {
		results.failed("configuration", err)
		return results.result(ctx)
	}
	defer t.close()
	results.configuration(t)
	results.tenantOf(ctx, t, &here)
	if !c.Demo {
		results.places(ctx, t, settings, log)
		results.secrets(ctx, t, settings)
		results.subscription(ctx, t, settings)
	}
	return results.result(ctx)
}

// checks are those of a tenant, and of what publishing uses.
type checks struct {
	checklist

	// unreadable is the check because of which users cannot be read, "" if they can.
	unreadable string
}

// tenantOf makes the checks of the tenant in order. One that fails is the reason why those
// that need it are skipped.
func (c *checks) tenantOf(ctx context.Context, t *tenant, here *clock) {
	steps := []struct {
		names []string // that are skipped with it
		check func() bool
	}{
		{[]string{"credential"}, func() bool { return c.credential(ctx, t) }},
		{nil, func() bool { return c.federation(ctx, t) }},
		{[]string{"tenant"}, func() bool { c.tenant(ctx, t); return true }}, // a token can be had without the GUID
		{[]string{"token"}, func() bool { return c.token(ctx, t) }},
		{nil, func() bool { return c.identity(ctx, t) }},
		{[]string{"permission"}, func() bool {
			ok := c.permission(ctx, t)
			c.clock(here)
			return ok
		}},
		{[]string{"columns", "count", "partitions", "page"}, func() bool {
			c.expiry(ctx, t)
			columns := c.columns(ctx, t)
			if users, ok := c.count(ctx, t); ok {
				c.partitions(ctx, t, users)
			} else {
				c.skip("partitions", "because Graph gave no count")
			}
			c.page(ctx, t, columns)
			return true
		}},
	}
	for _, step := range steps {
		if c.unreadable != "" {
			for _, name := range step.names {
				c.skip(name, "because %s failed", c.unreadable)
			}
			continue
		}
		if !step.check() {
			c.unreadable = c.last
		}
	}
}

func (c *checks) configuration(t *tenant) {
	cfg := t.config
	filter := "no filter"
	if cfg.Filter != "" {
		filter = "with a filter"
	}
	c.ok("configuration", "cloud %s, %d columns, %s, %d users a page", cfg.Cloud.Name, len(cfg.Select), filter, cfg.PageSize)
	if len(cfg.Replaced) > 0 {
		c.below("note: hosts of the cloud are replaced by " + strings.Join(cfg.Replaced, ", ") + ": login " + cfg.LoginURL + ", Graph " + cfg.GraphURL)
	}
}

func (c *checks) credential(ctx context.Context, t *tenant) bool {
	identity, err := t.Credential.Identity(ctx)
	if err != nil {
		c.failed("credential", err)
		return false
	}
	found := identity.String() + ", from " + t.Credential.Source().String()
	left := time.Until(identity.ExpiresAt)
	switch {
	case keepsNoSecret(identity.Method):
		c.ok("credential", "%s; it keeps no secret that could expire", found)
	case identity.ExpiresAt.IsZero():
		c.ok("credential", "%s; its expiry is not recorded", found)
	case left <= 0:
		// Go on: the record may be out of date, and the next check shows it.
		c.failed("credential", fmt.Errorf("%s; it expired %s ago: %s", found, inDays(-left), renewal(identity)))
	case left < credential.Soon:
		c.warn("credential", "%s; it expires in %s", found, inDays(left))
		c.below(renewal(identity))
	default:
		c.ok("credential", "%s; it expires in %s", found, inDays(left))
	}
	for _, warning := range identity.Warnings {
		c.below("warning: " + warning)
	}
	return true
}

// expiry shows what the app's registration says of its credential, if it may be read.
func (c *checks) expiry(ctx context.Context, t *tenant) {
	identity, err := t.Credential.Identity(ctx)
	if err != nil {
		return // the check of the credential has said so
	}
	identity, told := t.Registered(ctx, identity)
	if !told {
		return
	}
	warning := identity.ExpiryWarning(time.Now())
	days, known := identity.DaysLeft(time.Now())
	switch {
	case known && days < 0:
		c.failed("expiry", errors.New(warning))
	case warning != "":
		c.ok("expiry", "%s", warning)
	case known:
		c.ok("expiry", "the registration says that the credential expires in %s", inDays(time.Until(identity.ExpiresAt)))
	case !identity.MayExpireAt.IsZero():
		c.ok("expiry", "the registration has several client secrets that begin alike, the first of which expires in %s", inDays(time.Until(identity.MayExpireAt)))
	default:
		c.ok("expiry", "the registration says that the credential does not expire")
	}
}

func (c *checks) tenant(ctx context.Context, t *tenant) {
	guid, err := t.Credential.Tenant(ctx)
	if err != nil {
		c.failed("tenant", err)
		return
	}
	c.ok("tenant", "%s", guid)
}

func (c *checks) token(ctx context.Context, t *tenant) bool {
	started := time.Now()
	token, err := t.Credential.GetToken(ctx, policy.TokenRequestOptions{})
	if err != nil {
		c.failed("token", err)
		return false
	}
	c.ok("token", "issued in %s, valid for %s", milliseconds(time.Since(started)), time.Until(token.ExpiresOn).Round(time.Minute))
	return true
}

// permission reads the id of one user, which takes User.Read.All.
func (c *checks) permission(ctx context.Context, t *tenant) bool {
	users, _, err := readPage(ctx, t.Graph, list.Request{Columns: []property.Column{{Name: "id"}}, PageSize: 1})
	switch {
	case err != nil:
		c.failed("permission", err)
		return false
	case users == 0:
		c.failed("permission", errors.New("Graph returned no user at all, and no tenant is empty: grant the application permission User.Read.All with admin consent"))
		return false
	}
	c.ok("permission", "users can be read")
	return true
}

// columns returns the columns that Graph grants.
func (c *checks) columns(ctx context.Context, t *tenant) []property.Column {
	columns := t.Request.Columns
	_, _, err := readPage(ctx, t.Graph, list.Request{Columns: columns, Filter: t.Request.Filter, PageSize: 1})
	if err == nil {
		c.ok("columns", "all %d can be read", len(columns))
		return columns
	}
	granted, missing, err := list.Granted(ctx, t.Graph, columns, err)
	if err != nil {
		var refused *list.RefusedError
		if !errors.As(err, &refused) {
			c.failed("columns", fmt.Errorf("the page that a list reads is refused: %w", err))
			return nil
		}
		c.failed("columns", err)
		return slices.DeleteFunc(slices.Clone(columns), func(column property.Column) bool {
			return column.Optional || slices.Contains(refused.Properties, column.Name) // which optional ones are refused is unknown
		})
	}
	c.ok("columns", "%d of %d can be read; lists go on without %s", len(granted), len(columns), strings.Join(missing, ", "))
	return granted
}

// count returns how many users Graph counts, if it does.
func (c *checks) count(ctx context.Context, t *tenant) (users int, ok bool) {
	var stats graph.Stats
	n, err := t.Graph.Count(ctx, t.Request.Query(), &stats)
	var answer *graph.Error
	switch {
	case err == nil && t.Request.Filter == "":
		c.ok("count", "Graph counts %d users", n)
	case err == nil:
		c.ok("count", "Graph counts %d users that match the filter", n)
	case errors.As(err, &answer) && answer.RefusesCount() && !t.hasDelta(ctx): // as lists judge it
		c.ok("count", "this tenant does not count its users (B2C tenants do not); lists will be complete but not verified")
	default:
		c.failed("count", err)
	}
	return n, err == nil
}

// partitions says in how many partitions lists are read, and whether Graph counts them.
func (c *checks) partitions(ctx context.Context, t *tenant, users int) {
	n := t.Request.Partitions(users)
	if n == 1 {
		c.ok("partitions", "one (ROLLCALL_PARALLEL is %s)", t.config.Parallel)
		return
	}
	switch divides, err := t.Request.Divides(ctx, t.Graph); {
	case err != nil:
		c.failed("partitions", err)
	case !divides:
		c.ok("partitions", "one: Graph does not count partitions of this list (ROLLCALL_PARALLEL is %s)", t.config.Parallel)
	default:
		c.ok("partitions", "up to %d (ROLLCALL_PARALLEL is %s)", n, t.config.Parallel)
	}
}

// hasDelta reports whether the tenant has delta queries. One that has can count, too.
func (t *tenant) hasDelta(ctx context.Context) bool {
	_, err := t.Graph.DeltaLink(ctx, []string{"id"}, new(graph.Stats))
	var answer *graph.Error
	return !errors.As(err, &answer) || !answer.RefusesDelta()
}

// page times a page as lists read it.
func (c *checks) page(ctx context.Context, t *tenant, columns []property.Column) {
	if len(columns) == 0 {
		c.skip("page", "because columns failed")
		return
	}
	started := time.Now()
	users, first, err := readPage(ctx, t.Graph, list.Request{Columns: columns, Filter: t.Request.Filter, PageSize: t.Request.PageSize})
	if err != nil {
		c.failed("page", err)
		return
	}
	c.ok("page", "%d users in %s, the first after %s", users, milliseconds(time.Since(started)), milliseconds(first))
}

// readPage reads the first page of a list and returns how many users it has and
// how long its response took to begin.
func readPage(ctx context.Context, client *graph.Client, r list.Request) (users int, first time.Duration, err error) {
	started := time.Now()
	page, err := client.Page(ctx, r.Query(), "")
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

// failed prints the first line of an error beside the check, and the others and
// further details below.
func (c *checks) failed(check string, err error) {
	lines := []string{err.Error()}
	var invalid *config.Error
	if errors.As(err, &invalid) {
		lines = nil
		for _, problem := range invalid.Problems {
			lines = append(lines, problem.String())
		}
	}
	lines = append(lines, details(err, "doctor")...)
	c.fail(check, strings.Join(lines, "\n"))
}

func milliseconds(d time.Duration) string { return d.Round(time.Millisecond).String() }

// inDays returns a duration in days, or in minutes if it is shorter.
func inDays(d time.Duration) string {
	days := int(d.Hours() / 24)
	switch {
	case days == 1:
		return "1 day"
	case days > 1:
		return fmt.Sprintf("%d days", days)
	}
	return d.Round(time.Minute).String()
}
