package retry_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/retry"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestRetryAfterIsReadInAllItsForms(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "", 0},
		{"Retry-After", "0", 0},
		{"Retry-After", "-5", 0},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "soon", 0},
		{"Retry-After", "17", 17 * time.Second},
		{"Retry-After", " 17 ", 17 * time.Second},
		{"Retry-After", "1.5", 1500 * time.Millisecond},
		{"Retry-After", "1e30", 365 * 24 * time.Hour},
		{"Retry-After", "Inf", 365 * 24 * time.Hour},
		{"Retry-After", "Fri, 27 Nov 2026 12:01:30 GMT", 90 * time.Second},
		{"Retry-After", "Fri, 27 Nov 2026 11:00:00 GMT", 0},
		{"Retry-After", "Friday, 27-Nov-26 12:00:01 GMT", time.Second},
		{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT", 365 * 24 * time.Hour},
		{"Retry-After-Ms", "250", 250 * time.Millisecond},
		{"X-Ms-Retry-After-Ms", "1500.5", 1500500 * time.Microsecond},
		{"Retry-After-Ms", "soon", 0},
	} {
		h := http.Header{c.name: {c.value}}
		if got := retry.After(h, now); got != c.want {
			t.Errorf("%s: %q is %s, want %s", c.name, c.value, got, c.want)
		}
	}
}

func TestMillisecondsAreMoreExactThanSeconds(t *testing.T) {
	h := http.Header{"Retry-After": {"1"}, "X-Ms-Retry-After-Ms": {"1250"}}
	if got := retry.After(h, now); got != 1250*time.Millisecond {
		t.Errorf("%s", got)
	}
}

func FuzzAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "1.5", "-1", "1e309", "Fri, 27 Nov 2026 12:01:30 GMT", "0x1p-2", "١"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"Retry-After", "Retry-After-Ms"} {
			if got := retry.After(http.Header{name: {value}}, now); got < 0 || got > 365*24*time.Hour {
				t.Errorf("%s: %q is %s", name, value, got)
			}
		}
	})
}
