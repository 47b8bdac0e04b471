package subscription

import (
	"fmt"
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// notice is one thing that a subscriber is to be told: a change of a user, or, with
// lifecycle, that the subscription wants to be reauthorised.
type notice struct {
	lifecycle bool
	user      guid.GUID
	gone      bool
	sequence  int64

	at       time.Time // when it happened
	due      time.Time // when it is to be sent
	attempts int
}

// Stamp is a moment as Graph writes it in subscriptions and notifications, to a ten
// millionth of a second.
func Stamp(moment time.Time) string { return moment.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// changeType is what the change of a user counts as. Only a deletion for good is one; to
// create, delete and restore are updates.
func changeType(gone bool) string {
	if gone {
		return deleted
	}
	return updated
}

// ticks are the 100 ns since the year 1, which number the changes. They are more than a
// JavaScript number can hold exactly.
func ticks(moment time.Time) int64 {
	return moment.Unix()*10_000_000 + int64(moment.Nanosecond()/100) + 621_355_968_000_000_000
}

// payload is the body of a notification.
func (c *courier) payload(batch []notice) []byte {
	b := []byte(`{"value":[`)
	for i := range batch {
		if i > 0 {
			b = append(b, ',')
		}
		if batch[i].lifecycle {
			b = append(b, `{"lifecycleEvent":"reauthorizationRequired",`...)
		} else {
			b = c.appendChange(append(b, '{'), &batch[i])
		}
		b = fmt.Appendf(b, `"clientState":%s,"subscriptionExpirationDateTime":%q,"subscriptionId":%q,"tenantId":%q}`,
			optional(c.ClientState), Stamp(c.Expires), c.ID, c.config.Tenant)
	}
	return append(b, "]}"...)
}

// appendChange writes what only a change of a user has.
func (c *courier) appendChange(b []byte, n *notice) []byte {
	sequence := strconv.FormatInt(n.sequence, 10)
	if c.config.SequenceText {
		sequence = wire.Quote(sequence)
	}
	resource := "Users/" + n.user.String()
	return fmt.Appendf(b, `"changeType":%q,"resource":%q,"resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":%q,"id":%q,`+
		`"organizationId":%q,"eventTime":%q,"sequenceNumber":%s},`,
		changeType(n.gone), resource, resource, n.user.String(), c.config.Tenant, Stamp(n.at), sequence)
}

// optional is a text as JSON, null if it is empty.
func optional(text string) string {
	if text == "" {
		return "null"
	}
	return wire.Quote(text)
}
