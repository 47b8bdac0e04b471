package credential

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Soon is how long before its end a credential is worth a warning.
const Soon = 30 * 24 * time.Hour

const day = 24 * time.Hour

// never is how far ahead an end is that stands for none: tools write 2299 or 9999.
const never = 100 * 365 * day

// DaysLeft returns how many whole days are left before the client secret or certificate
// ends, below 0 after that. known is false where nothing ends, or where nobody says when.
func (id Identity) DaysLeft(now time.Time) (days int, known bool) {
	left := id.ExpiresAt.Sub(now)
	if id.ExpiresAt.IsZero() || left > never {
		return 0, false
	}
	days = int(left / day)
	if left < 0 {
		days--
	}
	return days, true
}

// Observe adds the days that are left to the figures of an invocation.
func (id Identity) Observe(ctx context.Context) {
	if days, known := id.DaysLeft(time.Now()); known {
		telemetry.Observe(ctx, telemetry.DaysToExpiry, float64(days))
	}
}

// ExpiryWarning says that the client secret or certificate ends soon, or has ended, and "" if
// it does not. Where only several ends are known, one of which is meant, the first of them counts.
func (id Identity) ExpiryWarning(now time.Time) string {
	days, known := id.DaysLeft(now)
	if left := id.MayExpireAt.Sub(now); !known && !id.MayExpireAt.IsZero() && left < Soon {
		return "the app's client secret may expire on " + id.MayExpireAt.UTC().Format(time.DateOnly) +
			": its registration has several that begin alike; write the KeyID of the one that is used beside it, or remove those that nobody uses"
	}
	what, renew := "client secret", "add a new one to the app registration and store it"
	if id.Certificate != nil {
		what, renew = "certificate", "register a new one on the app and store it"
	}
	end := id.ExpiresAt.UTC().Format(time.DateOnly)
	switch left := id.ExpiresAt.Sub(now); {
	case !known || left >= Soon:
		return ""
	case left < 0:
		return fmt.Sprintf("the app's %s expired on %s: %s", what, end, renew)
	case days == 1:
		return fmt.Sprintf("the app's %s expires in 1 day, on %s: %s", what, end, renew)
	}
	return fmt.Sprintf("the app's %s expires in %d days, on %s: %s", what, days, end, renew)
}

// WatchExpiry returns what logs how many days are left, once for each number of them.
func WatchExpiry(log *slog.Logger) func(ctx context.Context, id Identity) {
	last, logged := 0, false
	return func(ctx context.Context, id Identity) {
		now := time.Now()
		days, known := id.DaysLeft(now)
		warning := id.ExpiryWarning(now)
		if !known && warning == "" || logged && days == last {
			return
		}
		last, logged = days, true
		level, message := slog.LevelInfo, "the app's credential has an end"
		if warning != "" {
			level, message = slog.LevelWarn, warning
		}
		if known {
			log.Log(ctx, level, message, "daysLeft", days, "identity", id)
		} else {
			log.Log(ctx, level, message, "identity", id)
		}
	}
}
