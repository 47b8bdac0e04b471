package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	subscriptionsPath = "/v1.0/subscriptions"
	// MaxSubscriptionLifetime is how far ahead a subscription to users may end.
	MaxSubscriptionLifetime = 41_760 * time.Minute
	// maxSubscriptions is how many are read at most. Graph's quota is 100 for an app in a
	// tenant, and 1,000 for a tenant.
	maxSubscriptions     = 2000
	maxSubscriptionPages = 200
	// maxSubscriptionText is how long a member of a subscription may be that is read.
	maxSubscriptionText = 16 << 10
)

// Subscription asks Graph to notify an address of changes.
type Subscription struct {
	// ID is the subscription's GUID in lower case, "" for one that is yet to be made.
	ID string `json:"-"`
	// ApplicationID is the app that made it, "" where Graph does not say.
	ApplicationID string `json:"-"`
	// Resource is what is watched, such as users, and ChangeType what of it: created,
	// updated, deleted, separated by commas. For users there is no created.
	Resource   string `json:"resource"`
	ChangeType string `json:"changeType"`
	// NotificationURL and LifecycleNotificationURL are the addresses.
	NotificationURL          string `json:"notificationUrl"`
	LifecycleNotificationURL string `json:"lifecycleNotificationUrl,omitempty"`
	// ExpiresAt is when it ends, at most [MaxSubscriptionLifetime] ahead.
	ExpiresAt time.Time `json:"expirationDateTime"`
	// ClientState is what each notification repeats, at most 128 characters. It is "" where
	// Graph does not tell it: lists do not.
	ClientState string `json:"clientState,omitempty"`
	// TLSVersion is the latest version of TLS that the addresses speak, such as v1_2.
	TLSVersion string `json:"latestSupportedTlsVersion,omitempty"`
}

// same reports whether two subscriptions ask for the same, whatever they are called.
func (s *Subscription) same(other *Subscription) bool {
	return strings.EqualFold(s.Resource, other.Resource) && s.ChangeType == other.ChangeType && s.NotificationURL == other.NotificationURL &&
		s.LifecycleNotificationURL == other.LifecycleNotificationURL && s.ExpiresAt.Sub(other.ExpiresAt).Abs() < time.Second
}

// Subscriptions lists the subscriptions of the app in the tenant, whatever they are for.
// Of their client states it tells none. The error is a [SubscriptionError], an [Error], a
// [LinkError] or the cause of ctx.
func (c *Client) Subscriptions(ctx context.Context) ([]Subscription, error) {
	var all []Subscription
	next := c.url(subscriptionsPath, "")
	for range maxSubscriptionPages {
		var page []Subscription
		var link string
		r := request{url: next, continuation: len(all) > 0}
		if err := c.read(ctx, r, new(Stats), func(body []byte) (err error) {
			page, link, err = parseSubscriptions(body)
			return err
		}); err != nil {
			return nil, refusedSubscription(err, "")
		}
		all = append(all, page...)
		switch {
		case len(all) > maxSubscriptions:
			return nil, &Error{Err: fmt.Errorf("it lists more than %d subscriptions, which no app has", maxSubscriptions)}
		case link == "":
			return all, nil
		}
		var err error
		if next, err = c.resolve(link, subscriptionsPath); err != nil {
			return nil, err
		}
	}
	return nil, &LinkError{Loop: true, Reason: fmt.Sprintf("it leads to more than %d pages of subscriptions", maxSubscriptionPages)}
}

// Subscription reads one subscription. One that does not exist is an [Error] of status 404.
func (c *Client) Subscription(ctx context.Context, id string) (Subscription, error) {
	return c.oneSubscription(ctx, id, request{})
}

// RenewSubscription has a subscription end later, and confirms that the app may still be
// notified, as Graph asks for by reauthorizationRequired.
func (c *Client) RenewSubscription(ctx context.Context, id string, until time.Time) (Subscription, error) {
	body, err := json.Marshal(map[string]time.Time{"expirationDateTime": inSeconds(until)})
	if err != nil {
		return Subscription{}, err
	}
	return c.oneSubscription(ctx, id, request{method: http.MethodPatch, body: body})
}

func (c *Client) oneSubscription(ctx context.Context, id string, r request) (s Subscription, err error) {
	path, err := subscriptionPath(id)
	if err != nil {
		return Subscription{}, err
	}
	r.url = c.url(path, "")
	err = c.read(ctx, r, new(Stats), func(body []byte) (err error) {
		if s, err = parseSubscription(body); err == nil && !strings.EqualFold(s.ID, id) {
			err = errors.New("the response is another subscription than was asked for")
		}
		return err
	})
	if err != nil {
		return Subscription{}, err
	}
	return s, nil
}

// inSeconds is a time as Graph takes it: of nine digits after the seconds it takes seven.
func inSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// DeleteSubscription ends a subscription. One that does not exist is no error.
func (c *Client) DeleteSubscription(ctx context.Context, id string) error {
	path, err := subscriptionPath(id)
	if err != nil {
		return err
	}
	r := request{method: http.MethodDelete, url: c.url(path, ""), accept: http.StatusNoContent}
	err = c.read(ctx, r, new(Stats), func([]byte) error { return nil })
	var answer *Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound && answer.Code != "" {
		return nil
	}
	return err
}

// subscriptionPath makes sure that an id is one, since it becomes a part of the path.
func subscriptionPath(id string) (string, error) {
	if !guid.Valid(id) {
		return "", errors.New("graph: the id of a subscription is a GUID")
	}
	return subscriptionsPath + "/" + id, nil
}

// CreateSubscription makes the subscription s, for which Graph first has both addresses
// answer. before are those that there are. A request that may have succeeded though no
// answer came is not simply repeated: the subscription that came of it is looked for among
// those that are new. A refusal is a [SubscriptionError].
func (c *Client) CreateSubscription(ctx context.Context, s Subscription, before []Subscription) (Subscription, error) {
	s.ExpiresAt = inSeconds(s.ExpiresAt)
	loop := retry.Loop{Policy: c.policy}
	for {
		made, err := c.createOnce(ctx, &s)
		var answer *Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &answer) || !answer.unsure() {
			return made, refusedSubscription(err, s.NotificationURL)
		}
		answer.Tries = loop.Failures() + 1
		if err := loop.Again(ctx, err, answer.RetryAfter, func(wait time.Duration) {
			c.log.WarnContext(ctx, "a subscription may have been made though Graph did not say so; looking for it", "error", answer, "wait", wait)
			c.onPause(retry.Pause{
				Host: c.base.Host, Why: answer.why(), For: wait, Try: answer.Tries + 1, Attempts: loop.Policy.Attempts, Advice: answer.patience(),
			})
		}); err != nil {
			return Subscription{}, err
		}
		now, err := c.Subscriptions(ctx)
		if err != nil {
			return Subscription{}, err
		}
		known := func(found Subscription) bool {
			return slices.ContainsFunc(before, func(b Subscription) bool { return b.ID == found.ID })
		}
		if i := slices.IndexFunc(now, func(found Subscription) bool { return !known(found) && found.same(&s) }); i >= 0 {
			return now[i], nil
		}
	}
}

func (c *Client) createOnce(ctx context.Context, s *Subscription) (made Subscription, err error) {
	body, err := json.Marshal(s)
	if err != nil {
		return Subscription{}, err
	}
	r := request{method: http.MethodPost, url: c.url(subscriptionsPath, ""), body: body, accept: http.StatusCreated, once: true}
	err = c.read(ctx, r, new(Stats), func(body []byte) (err error) {
		made, err = parseSubscription(body)
		return err
	})
	return made, err
}

// wireSubscription is a subscription as Graph writes it.
type wireSubscription struct {
	ID                       string     `json:"id"`
	ApplicationID            string     `json:"applicationId"`
	Resource                 string     `json:"resource"`
	ChangeType               string     `json:"changeType"`
	NotificationURL          string     `json:"notificationUrl"`
	LifecycleNotificationURL string     `json:"lifecycleNotificationUrl"`
	ExpirationDateTime       *time.Time `json:"expirationDateTime"`
	ClientState              string     `json:"clientState"`
	TLSVersion               string     `json:"latestSupportedTlsVersion"`
}

var errNoSubscription = errors.New("the response is not a subscription")

// subscription checks what was read. It quotes nothing of it.
func (w *wireSubscription) subscription() (Subscription, error) {
	switch {
	case !guid.Valid(w.ID):
		return Subscription{}, errors.New("the response has a subscription whose id is not a GUID")
	case w.ApplicationID != "" && !guid.Valid(w.ApplicationID):
		return Subscription{}, errors.New("the response has a subscription whose applicationId is not a GUID")
	case w.Resource == "" || w.ChangeType == "" || w.NotificationURL == "":
		return Subscription{}, errors.New("the response has a subscription without a resource, a changeType or a notificationUrl")
	case w.ExpirationDateTime == nil || w.ExpirationDateTime.Year() < 2000 || w.ExpirationDateTime.Year() > 9999:
		return Subscription{}, errors.New("the response has a subscription without a time at which it ends")
	}
	for _, text := range []string{w.Resource, w.ChangeType, w.NotificationURL, w.LifecycleNotificationURL, w.ClientState, w.TLSVersion} {
		if len(text) > maxSubscriptionText {
			return Subscription{}, &sizeError{"a member of a subscription", maxSubscriptionText}
		}
	}
	return Subscription{
		ID: asciiLower(w.ID), ApplicationID: asciiLower(w.ApplicationID), Resource: w.Resource, ChangeType: w.ChangeType,
		NotificationURL: w.NotificationURL, LifecycleNotificationURL: w.LifecycleNotificationURL,
		ExpiresAt: w.ExpirationDateTime.UTC(), ClientState: w.ClientState, TLSVersion: w.TLSVersion,
	}, nil
}

func parseSubscription(body []byte) (Subscription, error) {
	var w wireSubscription
	if !isObject(body) || json.Unmarshal(body, &w) != nil {
		return Subscription{}, errNoSubscription
	}
	return w.subscription()
}

func parseSubscriptions(body []byte) (all []Subscription, link string, err error) {
	var page struct {
		Value []*wireSubscription `json:"value"`
		Link  string              `json:"@odata.nextLink"`
	}
	if !isObject(body) || json.Unmarshal(body, &page) != nil || page.Value == nil {
		return nil, "", errors.New("the response is not a list of subscriptions")
	}
	for _, w := range page.Value {
		if w == nil {
			return nil, "", errNoSubscription
		}
		s, err := w.subscription()
		if err != nil {
			return nil, "", err
		}
		all = append(all, s)
	}
	return all, page.Link, nil
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}
