package simulator

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// meter is the resource-unit bucket of one app in one tenant.
type meter struct {
	mu      sync.Mutex
	used    float64
	last    time.Time
	reports []time.Time // reads of sign-in activity, which have a limit of their own
}

func newMeter() *meter { return &meter{} }

// window is the time in which the bucket refills.
const window = 10 * time.Second

// Reads of sign-in activity in a window.
const reportLimit = 5

// capacity is how many units a tenant of that size gets in a window (S, M, L).
func capacity(users int) float64 {
	switch {
	case users < 50:
		return 3500
	case users <= 500:
		return 5000
	default:
		return 8000
	}
}

// take spends units. used is the share of the bucket that is spent (it may
// exceed 1), wait is how long until there is room again, or 0 when there was.
func (m *meter) take(units, full float64, now time.Time) (used float64, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = max(0, m.used-now.Sub(m.last).Seconds()/window.Seconds()*full)
	m.last = now
	// A request that is refused counts as well, though not without bound.
	m.used = min(m.used+units, full*1.8)
	if over := m.used - full; over > 0 {
		return m.used / full, time.Duration(over / full * float64(window))
	}
	return m.used / full, 0
}

// report counts a read of sign-in activity, and says how long to wait.
func (m *meter) report(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.reports) > 0 && now.Sub(m.reports[0]) >= window {
		m.reports = m.reports[1:]
	}
	if len(m.reports) >= reportLimit {
		return window - now.Sub(m.reports[0])
	}
	m.reports = append(m.reports, now)
	return 0
}

// cost is what a request costs: GET users 2, all else 1; $select one less,
// $expand one more, $top below 20 one less, and never less than one.
func cost(kind, raw string) int {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return 1
	}
	n := 1
	if kind == onList {
		n = 2
	}
	if values.Has("$select") {
		n--
	}
	if values.Has("$expand") {
		n++
	}
	if top, err := strconv.Atoi(values.Get("$top")); err == nil && top < 20 {
		n--
	}
	return max(n, 1)
}

// charge meters the request, and refuses it when the tenant throttles.
func (x *exchange) charge(kind, raw string) *graphError {
	t := x.tenant
	if kind == onBatch {
		return nil // its parts are charged
	}
	x.units = cost(kind, raw)
	if !t.config.Throttle {
		return nil
	}
	used, wait := t.meter.take(float64(x.units), capacity(t.Users()), time.Now())
	x.used = min(used, 1.8)
	if values, err := url.ParseQuery(raw); err == nil && strings.Contains(values.Get("$select")+values.Get("$filter"), "signInActivity") {
		wait = max(wait, t.meter.report(time.Now()))
	}
	if wait <= 0 {
		return nil
	}
	x.tenant.journal.note(x.entry, func(e *Request) { e.Faults = append(e.Faults, "throttled") })
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	refusal := throttled(t.throttleScope()).with("Retry-After", strconv.Itoa(seconds))
	refusal.status = http.StatusTooManyRequests
	return refusal
}
