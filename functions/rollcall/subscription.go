package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/subscription"
)

type subscriptionCommand struct {
	List   listSubscriptions   `cmd:"" help:"List the app's subscriptions to change notifications."`
	Create createSubscription  `cmd:"" help:"Have Graph notify the webhook of changes, unless it does."`
	Delete deleteSubscriptions `cmd:"" help:"End subscriptions."`
}

// Help is the rest of `rollcall subscription --help`.
func (subscriptionCommand) Help() string {
	return `A subscription is what makes Graph notify a webhook of changes; it lasts for some weeks.
"rollcall changes" and its function keep the one of ROLLCALL_NOTIFICATION_URL alive by themselves. These
commands are for looking at it, for trying out a webhook, and for ending what is no longer needed:
an app may have 100 subscriptions in a tenant.

They need the application permission User.Read.All. docs/webhook.md tells more.`
}

// subscriptionRow is a subscription as it is shown. Addresses are shown without their
// queries, which may be keys.
type subscriptionRow struct {
	ID           string    `json:"id"`
	Resource     string    `json:"resource"`
	ChangeType   string    `json:"changeType"`
	Address      string    `json:"notificationUrl"`
	Lifecycle    string    `json:"lifecycleNotificationUrl,omitempty"`
	ExpiresAt    time.Time `json:"expirationDateTime"`
	OfTheWebhook bool      `json:"ofTheWebhook"`
}

func rowOf(s graph.Subscription, of *publisher.Settings) subscriptionRow {
	webhook := subscription.Keeper{Address: of.NotificationURL}
	row := subscriptionRow{
		ID: s.ID, Resource: s.Resource, ChangeType: s.ChangeType, Address: graph.PublicAddress(s.NotificationURL),
		ExpiresAt: s.ExpiresAt.Truncate(time.Second), OfTheWebhook: webhook.Mine(s),
	}
	if s.LifecycleNotificationURL != "" {
		row.Lifecycle = graph.PublicAddress(s.LifecycleNotificationURL)
	}
	return row
}

type listSubscriptions struct {
	Format string `enum:"auto,table,json" default:"auto" placeholder:"FORMAT" help:"What stdout gets: table or json. Default: table on a terminal, otherwise json."`
}

// Help is the rest of `rollcall subscription list --help`.
func (listSubscriptions) Help() string {
	return `Lists all subscriptions that the app has in the tenant, whatever they are for. "webhook" marks those of
ROLLCALL_NOTIFICATION_URL. Of addresses the query is left out, since it may be a key.`
}

// Run lists the subscriptions.
func (c *listSubscriptions) Run(ctx context.Context, p *program) error {
	return p.withSubscriptions(ctx, func(t *tenant, settings *publisher.Settings) error {
		all, err := t.Graph.Subscriptions(ctx)
		if err != nil {
			return err
		}
		rows := make([]subscriptionRow, len(all))
		for i, s := range all {
			rows[i] = rowOf(s, settings)
		}
		_, onTerminal := terminalWidth(p.stdout)
		if c.Format == "table" || c.Format == "auto" && onTerminal {
			err = p.printSubscriptions(rows)
		} else {
			err = p.printJSON(rows)
		}
		if err != nil {
			return err
		}
		plural := "s"
		if len(rows) == 1 {
			plural = ""
		}
		_, err = fmt.Fprintf(p.errOut(), "%d subscription%s; Graph allows an app 100 in a tenant\n", len(rows), plural)
		return err
	})
}

// printSubscriptions writes a table for people.
func (p *program) printSubscriptions(rows []subscriptionRow) error {
	if len(rows) == 0 {
		return nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, gap, ' ', 0)
	_, _ = fmt.Fprintln(w, "id\tresource\tchanges\tends\twebhook\taddress") // a Builder takes all
	for _, row := range rows {
		mark := ""
		if row.OfTheWebhook {
			mark = "yes"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", row.ID, printable(row.Resource), printable(row.ChangeType), ends(row.ExpiresAt), mark, printable(row.Address))
	}
	_ = w.Flush()
	_, err := io.WriteString(p.out(), b.String())
	return err
}

// ends says when something ends, and how long that is from now.
func ends(at time.Time) string {
	return at.UTC().Format("2006-01-02 15:04") + " UTC, in " + inDays(time.Until(at))
}

type createSubscription struct{}

// Help is the rest of `rollcall subscription create --help`.
func (createSubscription) Help() string {
	return `Asks Graph to notify the webhook of every change of a user. If it does so already nothing is made
twice: the subscription is renewed if half of its time is over, and replaced if it is not as it is to
be, such as after the client state has changed.

  ROLLCALL_NOTIFICATION_URL  the webhook's address, https://<host>/notifications. Graph asks it to repeat
                             a token, so deploy the webhook first
  ROLLCALL_WEBHOOK_SECRET    where the client state is, by which the webhook knows Graph

stdout: the subscription as one line of JSON, unless it is a terminal.`
}

// Run makes sure that there is the subscription.
func (createSubscription) Run(ctx context.Context, p *program) error {
	return p.withSubscriptions(ctx, func(t *tenant, settings *publisher.Settings) error {
		keeper, err := settings.Keeper(ctx, t.Graph)
		if err != nil {
			return err
		}
		kept, failure := keeper.Keep(ctx, false)
		if kept == nil {
			return failure
		}
		if err := p.printResult(rowOf(kept.Subscription, settings)); err != nil {
			return err
		}
		what := "was there already"
		if kept.Created {
			what = "is new"
		}
		if _, err := fmt.Fprintf(p.errOut(), "subscription %s %s; it ends %s\n", kept.ID, what, ends(kept.ExpiresAt)); err != nil {
			return err
		}
		return failure // of what it replaces
	})
}

type deleteSubscriptions struct {
	ID  []string `arg:"" optional:"" placeholder:"ID" help:"Ids, as list shows them."`
	All bool     `help:"End all subscriptions that the app has in the tenant, whatever they are for."`
}

// Help is the rest of `rollcall subscription delete --help`.
func (deleteSubscriptions) Help() string {
	return `Ends subscriptions at once. That of ROLLCALL_NOTIFICATION_URL comes back within an hour where "changes"
runs with that variable; remove it there first.

Examples:
  rollcall subscription delete 7f105c7d-2dc5-4530-97cd-4e7ae6534c07
  rollcall subscription delete --all`
}

// Run ends the subscriptions, or none if one of them is not there.
func (c *deleteSubscriptions) Run(ctx context.Context, p *program) error {
	if c.All == (len(c.ID) > 0) {
		return &usageError{"name the subscriptions to end, or all of them by --all; `" + programName + " subscription list` shows them"}
	}
	return p.withSubscriptions(ctx, func(t *tenant, _ *publisher.Settings) error {
		all, err := t.Graph.Subscriptions(ctx)
		if err != nil {
			return err
		}
		chosen, err := c.chosen(all)
		if err != nil {
			return err
		}
		for _, id := range chosen {
			if err := t.Graph.DeleteSubscription(ctx, id); err != nil {
				return fmt.Errorf("end subscription %s: %w", id, err)
			}
			if _, err := fmt.Fprintf(p.errOut(), "subscription %s is ended\n", id); err != nil {
				return err
			}
		}
		if len(chosen) == 0 {
			_, err = io.WriteString(p.errOut(), "there is no subscription to end\n")
		}
		return err
	})
}

// chosen are the ids to end, each of which is there.
func (c *deleteSubscriptions) chosen(all []graph.Subscription) ([]string, error) {
	var chosen []string
	there := map[string]bool{}
	for _, s := range all {
		there[s.ID] = true
		if c.All {
			chosen = append(chosen, s.ID)
		}
	}
	for _, id := range c.ID {
		id = strings.ToLower(id)
		if !there[id] {
			return nil, fmt.Errorf("the app has no subscription %s in this tenant, so none was ended; `%s subscription list` shows those that it has", printable(id), programName)
		}
		chosen = append(chosen, id)
	}
	return chosen, nil
}

// withSubscriptions does something about the subscriptions of a tenant.
func (p *program) withSubscriptions(ctx context.Context, do func(t *tenant, settings *publisher.Settings) error) error {
	console, log := p.console()
	var settings publisher.Settings
	t, err := p.connect(ctx, tenantFlags{}, nil, console, log, &settings)
	if err != nil {
		return err
	}
	defer t.close()
	settings.WebhookSecret = settings.WebhookSecret.Via(reader.Secrets(t.config, t.options...))
	err = do(t, &settings)
	if err != nil && ctx.Err() != nil {
		return &interruptedError{fmt.Sprintf("stopped: %v; `%s subscription list` shows what there is now", context.Cause(ctx), programName)}
	}
	return explained(ctx, t, err)
}
