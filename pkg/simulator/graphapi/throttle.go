package graphapi

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
)

// meter is the resource-unit bucket of one app in one tenant.
type meter struct {
	mu      sync.Mutex
	used    float64
	last    time.Time
	reports []time.Time // reads of sign-in activity, which have a limit of their own
}

// window is the time in which the bucket refills.
const window = 10 * time.Second

// reportLimit is how many reads of sign-in activity fit a window.
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
	return m.used / full, time.Duration(max(0, m.used-full) / full * float64(window))
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
func cost(kind string, values url.Values) int {
	n := 1
	if kind == fault.List {
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

// charge meters the request, and refuses it when the tenant throttles. A batch
// costs nothing: its parts are charged.
func (c *call) charge(kind string) *grapherror.Error {
	if kind == fault.Batch {
		return nil
	}
	values, err := url.ParseQuery(strings.ReplaceAll(c.R.URL.RawQuery, ";", "%3B")) // $expand has plain semicolons
	if c.units = 1; err == nil {
		c.units = cost(kind, values)
	}
	if !c.config.Throttle {
		return nil
	}
	now := time.Now()
	used, wait := c.meter.take(float64(c.units), capacity(c.directory.Size(now)), now)
	c.used = min(used, 1.8)
	if err == nil && strings.Contains(values.Get("$select")+values.Get("$filter"), "signInActivity") {
		wait = max(wait, c.meter.report(now))
	}
	if wait <= 0 {
		return nil
	}
	c.NoteFaults("throttled")
	return c.throttled().With("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
}

// throttled is a 429 without Retry-After.
func (c *call) throttled() *grapherror.Error {
	return grapherror.New(http.StatusTooManyRequests, "TooManyRequests", "Too many requests. Please retry again later.").
		With("x-ms-throttle-scope", "Tenant_Application/ReadWrite/"+c.config.ClientID+"/"+c.config.Tenant).
		With("x-ms-throttle-information", "ResourceUnitLimitExceeded")
}
