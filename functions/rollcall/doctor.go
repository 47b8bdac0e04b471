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

type doctorCommand struct {
	tenantFlags

	Azure bool `help:"Check what Azure gives the function as well: identity, role, storage, queues, key vaults. Default: where there is a managed identity."`
}

// Help is the rest of `rollcall doctor --help`.
func (doctorCommand) Help() string {
	return `Prints one line per check on stdout: ok or failed, what was found, and below a failure what to
do. No user is shown, and everything is left as it was. The exit status is 1 if a check failed.

  configuration  the environment, all problems at once
  credential     the secret is readable; where it is stored, when it expires and what is odd
                 about it
  federation     which issuer, subject and audience the app has to trust, if it keeps no secret
  tenant         the tenant exists; its GUID
  token          Entra ID issues a token; how long it is valid
  permission     the token may read users
  expiry         when the credential ends by the app's registration, if the token may read that
  columns        each selected column can be read
  count          Graph counts the users, so that lists can be verified
  partitions     in how many partitions lists are read
  page           how long a page takes

With --azure, and by itself where IDENTITY_ENDPOINT is set or ROLLCALL_CREDENTIALS is managed-identity::

  identity       which managed identity it is: its client id, object id and tenant
  role           the token has the application permissions that the list needs; the command that
                 grants what is missing
  storage        each store of ROLLCALL_STATE and ROLLCALL_SINKS can be read, and written by
                 compare-and-swap: an object doctor-<random>.json is made there and deleted again
  queue          each azqueue: sink takes messages of the identity; none is sent
  key vault      each secret that is kept in one can be read`
}

// Run makes the checks in order, skipping those whose prerequisites failed.
func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	results := &checks{p.newChecklist()}
	console, log := p.console()
	if c.Azure && c.Demo {
		return &usageError{"--azure checks what Azure gives this process, and --demo needs nothing of it: leave one of them out"}
	}
	var settings publisher.Settings
	t, err := p.connect(ctx, c.tenantFlags, nil, console, log, &settings)
	if err != nil {
		results.failed("configuration", err)
		return results.result(ctx)
	}
	defer t.close()
	results.run(ctx, t)
	if !c.Demo && (c.Azure || onAzure(t)) {
		results.azure(ctx, t, settings, log)
	}
	return results.result(ctx)
}

// checks are those of a tenant, and of what publishing uses.
type checks struct{ checklist }

func (c *checks) run(ctx context.Context, t *tenant) {
	c.configuration(t)
	if !c.credential(ctx, t) {
		return
	}
	if !c.federation(ctx, t) {
		return
	}
	c.tenant(ctx, t) // a token can be had without the GUID
	if !c.token(ctx, t) {
		return
	}
	if !c.identity(ctx, t) || !c.permission(ctx, t) {
		return
	}
	c.expiry(ctx, t)
	columns := c.columns(ctx, t)
	if users, ok := c.count(ctx, t); ok {
		c.partitions(ctx, t, users)
	}
	c.page(ctx, t, columns)
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
