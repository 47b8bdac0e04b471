package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/subscription"
)

// places tries the stores and the queues, each once.
func (c *checks) places(ctx context.Context, t *tenant, settings publisher.Settings, log *slog.Logger) {
	if settings.State.IsZero() && len(settings.Sinks.Stores)+len(settings.Sinks.Buses) == 0 {
		c.skip("storage", "because none is configured (ROLLCALL_STATE, ROLLCALL_SINKS)")
		return
	}
	p, err := t.publisher(settings, log)
	if err != nil {
		c.failed("storage", err)
		return
	}
	tenant, unknown := t.Credential.Tenant(ctx)
	for _, place := range p.Places() {
		check, does := "storage", "can be read, written by compare-and-swap and cleaned up"
		if place.Queue {
			check, does = "queue", "takes messages of this identity"
		}
		err := place.Try(ctx)
		switch {
		case err != nil && publisher.Forbidden(err) && !place.Queue:
			c.failed(check, fmt.Errorf("%w\n%s", err, blobRole(ctx, t, place.URL)))
		case err != nil:
			c.failed(check, err)
		default:
			c.ok(check, "%s %s", place.URL, does)
		}
		switch {
		case place.Open == nil:
		case err != nil:
			c.skip("latest", "because storage failed")
		case unknown != nil:
			c.skip("latest", "because the tenant is not known")
		default:
			c.latest(ctx, place, tenant)
		}
	}
	for _, b := range settings.Sinks.Buses {
		if b.Kind != "azqueue" {
			c.skip("bus", "%s, because only a message would show whether it takes one", b)
		}
	}
}

// ahead is how far a list's clock may be from this one's.
const ahead = 5 * time.Minute

// latest says which list of the tenant a sink has, and whether its manifest is right.
func (c *checks) latest(ctx context.Context, place publisher.Place, tenant string) {
	at, err := place.Open(ctx)
	if err != nil {
		c.failed("latest", err)
		return
	}
	s, err := published.Find(ctx, at, snapshot.LatestKey(tenant))
	var wrong *published.Error
	switch {
	case errors.As(err, &wrong) && wrong.Missing && wrong.Check == published.CheckLatest:
		c.warn("latest", "%s has published no list of this tenant yet", place.URL)
		c.below("publish one: " + programName + " snapshot")
		return
	case errors.As(err, &wrong):
		c.fail("latest", strings.Join(wrong.Problems, "\n"))
		c.below("publish another list; " + programName + " verify shows more")
		return
	case err != nil:
		c.failed("latest", err)
		return
	}
	m, age := &s.Manifest, time.Since(s.Manifest.StartedAt)
	if age < -ahead {
		c.warn("latest", "run %s has %d users and started %s from now: the clock of who published it is ahead", m.Run, m.Users, inDays(-age))
		c.below("until then no newer list replaces it: remove " + location{at.URL(snapshot.LatestKey(tenant))}.of("") + ", and correct that clock")
		return
	}
	c.ok("latest", "run %s, %d users, started %s ago", m.Run, m.Users, inDays(age))
}

// secrets reads the secrets beside the credential, wherever they are kept.
func (c *checks) secrets(ctx context.Context, t *tenant, settings publisher.Settings) {
	hooks := settings.WebhookSecret.Via(reader.Secrets(t.config, t.options...))
	for _, kept := range []struct {
		variable string
		source   secret.Source
		read     func() error
	}{
		{"ROLLCALL_CREDENTIALS", t.config.Credentials, func() error { _, err := t.Credential.Identity(ctx); return err }},
		{"ROLLCALL_SEAL_KEY", t.config.SealKey, func() error { _, err := t.SealKey(ctx); return err }},
		{"ROLLCALL_WEBHOOK_SECRET", hooks.Source(), func() error { _, err := hooks.Read(ctx); return err }},
	} {
		check := "secret"
		switch {
		case kept.source.Scheme == secret.KeyVault:
			check = "key vault"
		case kept.source == (secret.Source{}), kept.variable == "ROLLCALL_CREDENTIALS": // which has a check of its own
			continue
		}
		if err := kept.read(); err != nil {
			c.failed(check, fmt.Errorf("%s: %w", kept.variable, err))
			continue
		}
		c.ok(check, "%s can be read from %s", kept.variable, kept.source)
	}
}

// subscription finds out whether Graph notifies the webhook, if it is to.
func (c *checks) subscription(ctx context.Context, t *tenant, settings publisher.Settings) {
	switch {
	case settings.NotificationURL.IsZero():
		return
	case c.unreadable != "":
		c.skip("subscription", "because %s failed", c.unreadable)
		return
	}
	all, err := t.Graph.Subscriptions(ctx)
	if err != nil {
		c.failed("subscription", err)
		return
	}
	webhook := subscription.Keeper{Address: settings.NotificationURL}
	var ends time.Time
	for _, s := range all {
		if webhook.Mine(s) && s.ExpiresAt.After(ends) {
			ends = s.ExpiresAt
		}
	}
	switch left := time.Until(ends); {
	case ends.IsZero():
		c.warn("subscription", "Graph does not notify ROLLCALL_NOTIFICATION_URL")
		c.below("the next run of changes subscribes, or: " + programName + " subscription create")
	case left <= 0:
		c.warn("subscription", "it ended %s ago", inDays(-left))
		c.below("the next run of changes subscribes, or: " + programName + " subscription create")
	default:
		c.ok("subscription", "Graph notifies ROLLCALL_NOTIFICATION_URL for another %s", inDays(left))
	}
}

// blobRole is the command that lets the identity use a container, whose URL is
// azblob://account/container/prefix.
func blobRole(ctx context.Context, t *tenant, url string) string {
	object := "<object id of the identity>"
	// Stores are signed in to by the identity that AZURE_CLIENT_ID names, if it names one.
	named, _ := t.config.LookupEnv("AZURE_CLIENT_ID")
	if id, err := t.Credential.Identity(ctx); err == nil && id.ObjectID != "" && (id.SystemAssigned && named == "" || strings.EqualFold(id.ClientID, named)) {
		object = id.ObjectID
	}
	account, rest, _ := strings.Cut(strings.TrimPrefix(url, "azblob://"), "/")
	container, _, _ := strings.Cut(rest, "/")
	return `az role assignment create --role "Storage Blob Data Contributor" --assignee-object-id ` + object + ` --assignee-principal-type ServicePrincipal` +
		` --scope "$(az storage account show --name ` + account + ` --query id --output tsv)/blobServices/default/containers/` + container + `"`
}
