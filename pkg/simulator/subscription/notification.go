package subscription

import "time"

// Stamp is a moment as Graph writes it in subscriptions and notifications, to a ten
// millionth of a second.
func Stamp(moment time.Time) string { return moment.UTC().Format("2006-01-02T15:04:05.0000000Z") }
