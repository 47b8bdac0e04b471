// Package subscription keeps the one subscription alive by which Graph notifies the webhook
// of a tenant's changes: it creates it, renews it, and creates it anew when it is lost,
// which for users happens without a word.
package subscription

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	resource   = "users"
	changeType = "updated,deleted"
	// lifetime is what is asked for: less than Graph allows, for a clock that is ahead.
	lifetime = graph.MaxSubscriptionLifetime - 24*time.Hour
	// renewBefore is how much is left of it when it is renewed. Graph begins to ask for a
	// renewal much later, so it never has to.
	renewBefore = lifetime / 2
)

// Directory is what is asked of Graph; *graph.Client is one.
type Directory interface {
	Subscriptions(ctx context.Context) ([]graph.Subscription, error)
	CreateSubscription(ctx context.Context, s graph.Subscription, before []graph.Subscription) (graph.Subscription, error)
	RenewSubscription(ctx context.Context, id string, expires time.Time) (graph.Subscription, error)
	DeleteSubscription(ctx context.Context, id string) error
}

// Keeper keeps a subscription.
type Keeper struct {
	Directory Directory
	// Address is where Graph sends to: the webhook's.
	Address Address
	// ClientState is the current one, by which the webhook knows Graph.
	ClientState secret.Text
}

// Kept is the subscription that there is now.
type Kept struct {
	graph.Subscription
	// Created says that it was created just now: what has changed since the last one was
	// lost was not notified.
	Created bool
}

// Mine reports whether a subscription is one of users at the address, whatever its client
// state. All others are left alone.
func (k *Keeper) Mine(s graph.Subscription) bool {
	_, here := k.Address.of(s.NotificationURL)
	return here && strings.EqualFold(strings.Trim(s.Resource, "/"), resource)
}

// Keep makes sure that there is one subscription with the current client state that lasts,
// and no other at the same address. Of what it replaces nothing is deleted before the new
// one is there, and what cannot be deleted is an error besides the subscription that there
// is. renew has it renewed, and thereby authorized anew, however long it lasts.
func (k *Keeper) Keep(ctx context.Context, renew bool) (*Kept, error) {
	all, err := k.Directory.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(slices.Clone(all), func(s graph.Subscription) bool { return !k.Mine(s) })
	kept, err := k.best(ctx, all, mine, renew)
	if err != nil {
		return nil, err
	}
	var stuck []error
	for _, s := range mine {
		if s.ID == kept.ID {
			continue
		}
		if err := k.Directory.DeleteSubscription(ctx, s.ID); err != nil {
			stuck = append(stuck, fmt.Errorf("delete subscription %s, which %s has replaced: %w", s.ID, kept.ID, err))
		}
	}
	return kept, errors.Join(stuck...)
}

// best is the subscription to keep: the one that lasts longest of those that are as they
// should be, or a new one.
func (k *Keeper) best(ctx context.Context, all, mine []graph.Subscription, renew bool) (*Kept, error) {
	now, wanted := time.Now(), k.wanted()
	good := slices.DeleteFunc(slices.Clone(mine), func(s graph.Subscription) bool { return !k.good(s) })
	if len(good) == 0 {
		return k.create(ctx, wanted, all, mine)
	}
	longest := slices.MaxFunc(good, func(a, b graph.Subscription) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.ID, b.ID))
	})
	if !renew && longest.ExpiresAt.Sub(now) >= renewBefore {
		return &Kept{Subscription: longest}, nil
	}
	renewed, err := k.Directory.RenewSubscription(ctx, longest.ID, wanted.ExpiresAt)
	if gone(err) { // between two requests
		return k.create(ctx, wanted, all, slices.DeleteFunc(slices.Clone(mine), func(s graph.Subscription) bool { return s.ID == longest.ID }))
	}
	if err != nil {
		return nil, fmt.Errorf("renew subscription %s: %w", longest.ID, err)
	}
	return &Kept{Subscription: renewed}, nil
}

// wanted is the subscription that there should be.
func (k *Keeper) wanted() graph.Subscription {
	at := k.Address.with(k.ClientState)
	return graph.Subscription{
		Resource: resource, ChangeType: changeType, NotificationURL: at, LifecycleNotificationURL: at,
		ClientState: k.ClientState.Reveal(), ExpiresAt: time.Now().Add(lifetime), TLSVersion: "v1_2",
	}
}

// good reports whether one that is mine is as it should be.
func (k *Keeper) good(s graph.Subscription) bool {
	current := hash(k.ClientState)
	state, _ := k.Address.of(s.NotificationURL)
	lifecycle, here := k.Address.of(s.LifecycleNotificationURL)
	return state == current && here && lifecycle == current && both(s.ChangeType)
}

// create makes one, before the replaced ones are deleted. Only where there may be no further
// one, one of them makes room.
func (k *Keeper) create(ctx context.Context, wanted graph.Subscription, before, replaced []graph.Subscription) (*Kept, error) {
	created, err := k.Directory.CreateSubscription(ctx, wanted, before)
	var refused *graph.SubscriptionError
	if errors.As(err, &refused) && refused.Refusal == graph.OverQuota && len(replaced) > 0 {
		if err := k.Directory.DeleteSubscription(ctx, replaced[0].ID); err != nil {
			return nil, fmt.Errorf("delete subscription %s to make room for another one: %w", replaced[0].ID, err)
		}
		created, err = k.Directory.CreateSubscription(ctx, wanted, before)
	}
	if err != nil {
		return nil, fmt.Errorf("create a subscription: %w", err)
	}
	if !k.Mine(created) { // the next look would not know it, and create another one
		err := errors.New("Graph keeps the address of the subscription as " + graph.PublicAddress(created.NotificationURL) + ", which is not as ROLLCALL_NOTIFICATION_URL has it; write it as Graph does")
		return nil, errors.Join(err, k.Directory.DeleteSubscription(ctx, created.ID))
	}
	return &Kept{Subscription: created, Created: true}, nil
}

// gone reports whether a subscription is not there any more.
func gone(err error) bool {
	var answer *graph.Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound && answer.Code != ""
}

func both(changeTypes string) bool {
	given := strings.Split(strings.ToLower(strings.ReplaceAll(changeTypes, " ", "")), ",")
	return slices.Contains(given, "updated") && slices.Contains(given, "deleted")
}
