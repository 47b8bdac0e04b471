package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// patience is how long a run may take, in the virtual time of its bubble.
const patience = 12 * time.Hour

// trial is one run against a tenant of its own.
type trial struct {
	*testing.T
	random   *rand.Rand
	tenant   *simulator.Tenant
	pageSize int
	log      bytes.Buffer
}

// newTrial makes the tenant of a job, whose answers take up to latency. Each job has
// another tenant, so that one can be repeated alone.
func newTrial(t *testing.T, seed int, name string, latency time.Duration) *trial {
	t.Helper()
	random := randomOf(seed, name)
	cfg := simulator.Config{
		Users: 20 + random.IntN(600), Chaos: random.Uint64() | 1, Latency: time.Duration(random.Int64N(int64(latency))),
	}
	if latency >= time.Second { // of virtual time
		cfg.Speedup = []int{0, 0, 4, 1}[random.IntN(4)]
	}
	return &trial{T: t, random: random, tenant: simulator.New(cfg), pageSize: 20 + random.IntN(100)}
}

// columns are those that runs ask for.
const columns = "id,userPrincipalName,displayName,department"

// reader wires a client as functions do, with so many partitions, 0 for automatic ones.
// Requests go to a tenant in memory.
func (c *trial) reader(tenant *simulator.Tenant, parallel int) *reader.Reader {
	c.Helper()
	is := tenant.Config()
	size := c.pageSize
	if parallel == 0 {
		size = max(5, size/8) // so that there are pages enough for several
	}
	cfg, err := config.Read([]string{
		"AZURE_TENANT_ID=" + is.Tenant, "AZURE_CLIENT_ID=" + is.ClientID, "AZURE_CLIENT_SECRET=" + is.ClientSecret,
		"ROLLCALL_SELECT=" + columns, fmt.Sprintf("ROLLCALL_PAGE_SIZE=%d", size), "ROLLCALL_PARALLEL=" + config.Parallel(parallel).String(),
	})
	if err != nil {
		c.Fatal(err)
	}
	from, err := reader.New(cfg, slog.New(slog.NewTextHandler(&c.log, nil)), reader.WithTransport(tenant.Transport()))
	if err != nil {
		c.Fatal(err)
	}
	return from
}

// limited is a context that ends a run in virtual time.
func (c *trial) limited(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Context(), limit)
}

// proof is what a complete list says of itself.
type proof struct {
	users, left, difference int
	expected                *list.Expected
	verified, fenced        bool
	by                      string
}

func proofOf(r list.Report) proof {
	return proof{r.Users, r.Left, r.Difference, r.Expected, r.Verified, r.Fenced, r.VerifiedBy}
}

func (p proof) outcome() outcome {
	if !p.verified {
		return outcome{true, "not verified"}
	}
	how := "verified by " + p.by
	if p.fenced {
		how += ", fenced"
	}
	return outcome{true, how}
}

// check holds a complete list to the property. ids are those of the list, as often as
// they are in it.
func (c *trial) check(what string, ids []string) {
	c.Helper()
	end := c.tenant.Position()
	c.checkBetween(what, ids, 0, end)
}

// checkBetween checks that a list which was read between two positions of the tenant has
// everyone who was there throughout, nobody who never was, and each once.
func (c *trial) checkBetween(what string, ids []string, from, to int) {
	c.Helper()
	sorted := slices.Sorted(slices.Values(ids))
	if n := len(slices.Compact(slices.Clone(sorted))); n != len(sorted) {
		c.Errorf("%s has %d users, of whom %d are different", what, len(sorted), n)
	}
	var missing []string
	for _, id := range c.tenant.PresentThroughout(from, to) {
		if _, ok := slices.BinarySearch(sorted, id); !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		c.Errorf("%s is complete, and %d users who were there throughout are missing: %.200s", what, len(missing), missing)
	}
	if strangers := c.strangers(ids, from, to); len(strangers) > 0 {
		c.Errorf("%s has %d users who never were there: %.200s", what, len(strangers), strangers)
	}
}

// strangers are the ids of nobody who was there.
func (c *trial) strangers(ids []string, from, to int) (strangers []string) {
	ever := map[string]bool{}
	for _, id := range c.tenant.PresentEver(from, to) {
		ever[id] = true
	}
	for _, id := range ids {
		if !ever[id] {
			strangers = append(strangers, id)
		}
	}
	return strangers
}

// checkProof checks that what a list says of itself is consistent, and true of the
// tenant.
func (c *trial) checkProof(what string, ids []string, p proof) {
	c.Helper()
	is := c.tenant.Config()
	here := p.users - p.left
	stayed := len(c.tenant.PresentThroughout(0, c.tenant.Position()))
	wrong := func(reason string) { c.Errorf("%s: %s: %+v, expected %+v", what, reason, p, p.expected) }
	switch {
	case p.users != len(ids):
		wrong(fmt.Sprintf("it has %d users", len(ids)))
	case p.left < 0 || here < stayed:
		wrong(fmt.Sprintf("%d users never left", stayed))
	case p.fenced != (!is.NoDelta && !is.B2C):
		wrong("fenced is not what the tenant can do")
	case !p.fenced && p.left != 0:
		wrong("left without a fence")
	case p.verified != (p.by != ""):
		wrong("verified and verifiedBy do not agree")
	case is.B2C != (p.expected == nil):
		wrong("expected is not what the tenant can do")
	case p.expected != nil && p.difference != here-p.expected.After:
		wrong("the difference is not right")
	case p.by == list.ByCount && (p.expected == nil || p.difference != 0 || !p.fenced && p.expected.Before != p.expected.After):
		wrong("the count does not verify it")
	case !p.verified && !is.B2C:
		wrong("a tenant that counts, and no slack, and yet not verified")
	}
}

// failed is the outcome of a run that ended with an error.
func failed(err error) outcome { return outcome{false, failure.Of(err).Name} }

// explain ends a trial. It logs what the client and the tenant did, when something is
// wrong and the test is verbose.
func (c *trial) explain() {
	if requests, withToken := c.tenant.Foreign(); requests > 0 {
		c.Errorf("%d requests went to a foreign host, %d of them with the token", requests, withToken)
	}
	if !c.Failed() || !testing.Verbose() {
		return
	}
	var requests strings.Builder
	for _, r := range c.tenant.Requests() {
		fmt.Fprintf(&requests, "%+v\n", r)
	}
	c.Logf("%+v\n%s\n%s", c.tenant.Config(), &requests, &c.log)
}
