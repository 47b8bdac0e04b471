package graphapi

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/subscription"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

const subscriptions = "subscriptions"

// permitSubscriptions refuses what the tenant or the token's roles do not permit.
func (c *call) permitSubscriptions() *grapherror.Error {
	switch {
	case c.config.B2C:
		return grapherror.New(http.StatusBadRequest, "BadRequest", "Subscriptions to changes of users are not supported in this tenant.")
	case !c.may(subscribe):
		return grapherror.Denied()
	}
	return nil
}

// subscriptionList answers GET /subscriptions with those of the calling app, in the order
// in which they were made. The list does not repeat the clientState; a single read does.
func (c *call) subscriptionList(string) {
	if refusal := c.permitSubscriptions(); refusal != nil {
		c.fail(refusal)
		return
	}
	token := c.pageToken()
	if text := c.R.URL.Query().Get("$skiptoken"); text != "" && token.page == 0 {
		c.fail(grapherror.BadRequest("The specified page token is not valid."))
		return
	}
	some, more := c.notices.List(token.place.At, c.config.PageSize)
	body := []byte(`{"@odata.context":"` + c.Base() + `/v1.0/$metadata#` + subscriptions + `"`)
	if more {
		next := pageToken{page: c.page + 1, started: time.Now()}
		next.place.At = some[len(some)-1].Serial
		body = append(body, c.linkMember("nextLink", c.misdirect("/v1.0/"+subscriptions+"?$skiptoken="+next.encode(c.key)))...)
	}
	body = append(body, `,"value":[`...)
	for i, one := range some {
		if i > 0 {
			body = append(body, ',')
		}
		one.ClientState = ""
		body = append(c.appendSubscription(append(body, '{'), &one.Subscription), '}')
	}
	c.json()
	c.Write(append(body, "]}"...))
}

// subscriptionCreate answers POST /subscriptions.
func (c *call) subscriptionCreate(string) {
	refusal := c.permitSubscriptions()
	var made subscription.Subscription
	if refusal == nil {
		made, refusal = c.subscribe()
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.W.Header().Set("Location", c.Base()+"/v1.0/"+subscriptions+"('"+made.ID+"')")
	c.sendSubscription(http.StatusCreated, &made)
}

func (c *call) subscribe() (made subscription.Subscription, refusal *grapherror.Error) {
	body, refusal := c.subscriptionBody()
	if refusal != nil {
		return made, refusal
	}
	asked, refusal := subscription.Decode(body, c.config.PlainLoopback)
	if refusal != nil {
		return made, refusal
	}
	if asked.User != "" {
		if _, _, ok := c.directory.Find(asked.User, time.Now()); !ok {
			return made, notFound(asked.User)
		}
	}
	return c.notices.Create(c.R.Context(), &asked, c.RequestID)
}

// subscriptionRead answers GET /subscriptions/{id}.
func (c *call) subscriptionRead(id string) {
	refusal := c.permitSubscriptions()
	one, ok := c.notices.Find(id)
	c.found(&one, ok, refusal)
}

// subscriptionRenew answers PATCH /subscriptions/{id}.
func (c *call) subscriptionRenew(id string) {
	var one subscription.Subscription
	var ok bool
	expires, refusal := c.renewal()
	if refusal == nil {
		one, ok, refusal = c.notices.Renew(id, expires)
	}
	c.found(&one, ok, refusal)
}

func (c *call) renewal() (expires time.Time, refusal *grapherror.Error) {
	if refusal := c.permitSubscriptions(); refusal != nil {
		return expires, refusal
	}
	body, refusal := c.subscriptionBody()
	if refusal != nil {
		return expires, refusal
	}
	return subscription.DecodeRenewal(body)
}

// subscriptionBody reads what a subscription is to be.
func (c *call) subscriptionBody() ([]byte, *grapherror.Error) {
	body, err := c.plainBody()
	if err != nil {
		return nil, grapherror.BadRequest("The request body cannot be read.")
	}
	return body, nil
}

// found answers with a subscription, if there is one.
func (c *call) found(one *subscription.Subscription, ok bool, refusal *grapherror.Error) {
	switch {
	case refusal != nil:
		c.fail(refusal)
	case !ok:
		c.fail(noSubscription())
	default:
		c.sendSubscription(http.StatusOK, one)
	}
}

// subscriptionReauthorize answers POST /subscriptions/{id}/reauthorize.
func (c *call) subscriptionReauthorize(argument string) {
	id, ok := strings.CutSuffix(argument, "/reauthorize")
	if !ok {
		c.fail(methodNotAllowed())
		return
	}
	c.nothing(func() bool { return c.notices.Reauthorize(id) })
}

// subscriptionDelete answers DELETE /subscriptions/{id}.
func (c *call) subscriptionDelete(id string) {
	c.nothing(func() bool { return c.notices.End(id) })
}

// nothing answers a request that has no answer but that it was done.
func (c *call) nothing(done func() bool) {
	refusal := c.permitSubscriptions()
	if refusal == nil && !done() {
		refusal = noSubscription()
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.head(http.StatusNoContent, "")
}

func noSubscription() *grapherror.Error {
	return grapherror.New(http.StatusNotFound, "ResourceNotFound", "The object was not found.")
}

func (c *call) sendSubscription(status int, one *subscription.Subscription) {
	body := []byte(`{"@odata.context":"` + c.Base() + `/v1.0/$metadata#` + subscriptions + `/$entity",`)
	c.W.Header().Set("OData-Version", "4.0")
	c.W.Header().Set("Cache-Control", "no-cache")
	c.head(status, jsonType)
	c.Write(append(c.appendSubscription(body, one), '}'))
}

// appendSubscription writes the members of a subscription, in Graph's order.
func (c *call) appendSubscription(b []byte, one *subscription.Subscription) []byte {
	optional := func(text string) string {
		if text == "" {
			return "null"
		}
		return wire.Quote(text)
	}
	members := [][2]string{
		{"id", wire.Quote(one.ID)},
		{"resource", wire.Quote(one.Resource)},
		{"applicationId", wire.Quote(c.config.ClientID)},
		{"changeType", wire.Quote(one.ChangeType)},
		{"clientState", optional(one.ClientState)},
		{"notificationUrl", wire.Quote(one.NotificationURL)},
		{"notificationQueryOptions", "null"},
		{"lifecycleNotificationUrl", optional(one.LifecycleNotificationURL)},
		{"expirationDateTime", wire.Quote(subscription.Stamp(one.Expires))},
		{"creatorId", wire.Quote(c.tokens.Principal())},
		{"includeResourceData", "null"},
		{"latestSupportedTlsVersion", wire.Quote(one.TLSVersion)},
		{"encryptionCertificate", "null"},
		{"encryptionCertificateId", "null"},
		{"notificationUrlAppId", "null"},
	}
	for _, member := range members {
		b = append(append(append(append(append(b, '"'), member[0]...), `":`...), member[1]...), ',')
	}
	return bytes.TrimSuffix(b, []byte(","))
}
