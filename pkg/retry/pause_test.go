package retry_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/retry"
)

func TestAPauseIsALineThatSaysWhoWhyHowLongAndWhatToDo(t *testing.T) {
	for want, p := range map[string]retry.Pause{
		"h: busy; waiting 1.2s":                                      {Host: "h", Why: "busy", For: 1234 * time.Millisecond},
		"h: busy; waiting 5s before try 2 of 10; nothing to do":      {Host: "h", Why: "busy", For: 5 * time.Second, Try: 2, Attempts: 10, Advice: "nothing to do"},
		"h: the quota is used up; waiting 2s; it refills in seconds": {Host: "h", Why: "the quota is used up", For: 2 * time.Second, Advice: "it refills in seconds"},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
