package retry

import (
	"fmt"
	"time"
)

// Pause is a wait for a service, for a person who is watching.
type Pause struct {
	// Host is the one that is waited for.
	Host string
	// Why says what happened, without people, secrets or a line end.
	Why string
	// For is how long the wait lasts at most.
	For time.Duration
	// Try is the attempt that follows and Attempts how many there are in all, both 0
	// if no attempt has failed.
	Try, Attempts int
	// Advice is what the person can do.
	Advice string
}

// String is the pause in a line.
func (p Pause) String() string {
	text := fmt.Sprintf("%s: %s; waiting %s", p.Host, p.Why, p.For.Round(100*time.Millisecond))
	if p.Attempts > 0 {
		text += fmt.Sprintf(" before try %d of %d", p.Try, p.Attempts)
	}
	if p.Advice != "" {
		text += "; " + p.Advice
	}
	return text
}
