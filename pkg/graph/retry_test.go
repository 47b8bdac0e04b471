package graph

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfterIsReadInAllItsForms(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                               0,
		"10":                             10 * time.Second,
		" 10 ":                           10 * time.Second,
		"0":                              0,
		"-5":                             0,
		"1.5":                            1500 * time.Millisecond,
		"1e3":                            1000 * time.Second,
		"NaN":                            0,
		"soon":                           0,
		"1e300":                          longest,
		"Sun, 22 Nov 2026 10:00:30 GMT":  30 * time.Second,
		"Sunday, 22-Nov-26 10:00:30 GMT": 30 * time.Second,
		"Sun, 22 Nov 2026 09:00:00 GMT":  0,
	} {
		got := retryAfter(value, now)
		if got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfterIsNeverNegative(f *testing.F) {
	for _, seed := range []string{"", "5", "0.25", "Sun, 22 Nov 2026 10:00:30 GMT", "1e400", "-1", "Inf", "0x1p-2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d := retryAfter(value, time.Unix(0, 0)); d < 0 {
			t.Errorf("retryAfter(%q) = %v", value, d)
		}
	})
}

func TestBackoffDoublesUpToItsLimitWithJitter(t *testing.T) {
	for failed, full := range map[int]time.Duration{
		1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 6: 16 * time.Second,
		7: 30 * time.Second, 8: 30 * time.Second, 50: 30 * time.Second, 1000: 30 * time.Second,
	} {
		for range 100 {
			if d := backoff(failed); d < full/2 || d > full {
				t.Fatalf("backoff(%d) = %v, want between %v and %v", failed, d, full/2, full)
			}
		}
	}
}

func TestTheGovernorPausesFromEightyPerCentOn(t *testing.T) {
	now := time.Unix(1000, 0)
	for header, want := range map[string]time.Duration{
		"": 0, "0.79": 0, "nonsense": 0, "NaN": 0,
		"0.8": time.Second, "1.0": 3 * time.Second, "1.8": 11 * time.Second, "99": 11 * time.Second,
	} {
		var g governor
		h := http.Header{}
		h.Set("x-ms-throttle-limit-percentage", header)
		g.observe(h, now)
		if got := g.pause(now).Round(time.Millisecond); got != want {
			t.Errorf("at %q: pause %v, want %v", header, got, want)
		}
		if g.pause(now.Add(time.Minute)) != 0 {
			t.Errorf("at %q: the pause does not end", header)
		}
	}
}
