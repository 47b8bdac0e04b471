package graph

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// governor slows requests down before Graph has to refuse them. From 80 % of
// the quota on Graph tells, in x-ms-throttle-limit-percentage (0.8 to 1.8),
// how much of it is used; the quota refills over ten seconds.
type governor struct {
	until atomic.Int64 // Unix nanoseconds before which no request should start
}

const (
	governorFrom   = 0.8
	governorWindow = 10 * time.Second
)

func (g *governor) observe(h http.Header, now time.Time) {
	used, err := strconv.ParseFloat(h.Get("x-ms-throttle-limit-percentage"), 64)
	if err != nil || !(used >= governorFrom) {
		return
	}
	used = min(used, 1.8)
	pause := time.Duration((used - 0.7) * float64(governorWindow))
	g.until.Store(now.Add(pause).UnixNano())
}

// pause returns how long the next request should wait.
func (g *governor) pause(now time.Time) time.Duration {
	return time.Duration(max(0, g.until.Load()-now.UnixNano()))
}
